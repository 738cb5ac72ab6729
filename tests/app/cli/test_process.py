"""The commands as an operator starts them, and what they must not start."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from app.composition import Services
from app.contract import keys
from tests.app.people import Person
from tests.awaiting import await_true
from tests.environment import base_environment
from tests.servers import ROOT, Stores
from tests.system.running import await_health, free_ports
from tools.processes import end, spawn
from tools.procfile import read_procfile

pytestmark = pytest.mark.slow
BIN = Path(sys.executable).parent


def environment(stores: Stores) -> dict[str, str]:
    """What an operator's shell has; FLASK_APP isn't in it."""
    places = {"DATABASE_URL": stores.database_url, "REDIS_URL": stores.redis_url}
    # A developer's .env is not the test's.
    shell = {"PATH": f"{BIN}:{os.environ['PATH']}", "FLASK_SKIP_DOTENV": "1"}
    return base_environment() | places | shell


def flask(*words: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`flask WORDS` from the repository's root."""
    return subprocess.run(
        [BIN / "flask", *words],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_flask_finds_the_commands_by_itself(services: Services, stores: Stores) -> None:
    person = Person.register(services, "Ada")
    person.score()
    variables = environment(stores)
    ban = flask("users", "ban", person.username, "--reason", "cheats", variables=variables)
    assert (ban.returncode, ban.stderr) == (0, "")
    assert ban.stdout == f"Banned {person.username} (Ada) until unbanned\n"
    assert services.redis.zscore(keys.INDEX_SCORES, person.user_id) is None
    (entry,) = services.inspection.audit(limit=10)
    assert entry.actor == f"operator:{pwd.getpwuid(os.getuid()).pw_name}"
    unknown = flask("users", "show", "nobody", variables=variables)
    assert (unknown.returncode, unknown.stderr) == (1, "Error: There is no such user\n")


def test_settings_that_can_not_be_used_are_said_once(stores: Stores) -> None:
    variables = environment(stores) | {"BCRYPT_COST": "x"}
    del variables["DATABASE_URL"]
    result = flask("users", "list", variables=variables)
    assert (result.returncode, result.stdout) == (1, "")
    first, *problems = result.stderr.splitlines()
    assert first == "The settings can't be used:"
    assert [problem.split()[0] for problem in problems] == ["DATABASE_URL", "BCRYPT_COST"]


def test_only_gunicorns_workers_start_the_threads_beside_the_requests(
    stores: Stores, tmp_path: Path
) -> None:
    threads = "import threading, wsgi; print([each.name for each in threading.enumerate()])"
    variables = environment(stores)
    found = subprocess.run(
        [sys.executable, "-c", threads],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert found.stdout == "['MainThread']\n"

    (port,) = free_ports(1)
    command = read_procfile(ROOT / "Procfile")["web"]
    with (
        (tmp_path / "web.log").open("wb") as log,
        redis.Redis.from_url(stores.redis_url) as client,
    ):
        variables |= {"PORT": str(port), "WEB_WORKERS": "1"}
        process = spawn([str(BIN / command[0]), *command[1:]], output=log, environment=variables)
        try:
            await_health(f"http://127.0.0.1:{port}")
            # The mark is the index keeper's, the subscription the invalidation's.
            await_true(lambda: client.exists(keys.INDEX_COMPLETE_UNTIL), 5)
            await_true(lambda: client.pubsub_numsub(keys.CACHE_INVALIDATE)[0][1] == 1, 5)
        finally:
            end(process, (signal.SIGTERM, 10))
