"""The commands as an operator starts them, and the threads that they must not start."""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from app.contract import keys
from tests.support.environment import base_environment
from tests.support.players import Person
from tests.support.servers import ROOT, Stores
from tests.support.services import Services
from tests.support.system.harness import await_health, free_ports
from tests.support.waiting import await_true
from tools.local.processes import end, spawn
from tools.local.procfile import read_procfile

pytestmark = pytest.mark.slow
BIN = Path(sys.executable).parent


def environment(stores: Stores) -> dict[str, str]:
    """The variables of an operator's shell, without FLASK_APP."""
    places = {"DATABASE_URL": stores.database_url, "REDIS_URL": stores.redis_url}
    # A developer's .env must not change the test.
    shell = {"PATH": f"{BIN}:{os.environ['PATH']}", "FLASK_SKIP_DOTENV": "1"}
    return base_environment() | places | shell


def flask(
    *words: str, variables: dict[str, str], encoding: str = "utf-8"
) -> subprocess.CompletedProcess[str]:
    """`flask WORDS` from the repository's root; `encoding` is that of its output."""
    return subprocess.run(
        [BIN / "flask", *words],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        encoding=encoding,
        errors="surrogateescape",
        timeout=60,
        check=False,
    )


def test_flask_finds_the_commands_without_flask_app(services: Services, stores: Stores) -> None:
    person = Person.register(services, "Ada")
    person.score()
    variables = environment(stores)
    ban = flask("users", "ban", person.username, "--reason", "cheats", variables=variables)
    assert (ban.returncode, ban.stderr) == (0, "")
    assert ban.stdout == f"Banned {person.username} (Ada) until unbanned\n"
    assert services.redis.zscore(keys.INDEX_SCORES, person.user_id) is None
    (entry,) = services.moderation_reads.audit(limit=10)
    assert entry.actor == f"operator:{pwd.getpwuid(os.getuid()).pw_name}"
    unknown = flask("users", "show", "unregistered", variables=variables)
    assert (unknown.returncode, unknown.stderr) == (1, "Error: There is no such user\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_name_is_written_in_any_encoding(
    services: Services, stores: Stores, encoding: str
) -> None:
    person = Person.register(services, "Zo\u00eb \u540d\u524d")
    variables = environment(stores) | {"PYTHONIOENCODING": encoding}
    shown = flask("users", "show", person.username, variables=variables, encoding=encoding)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "display name  Zo" in shown.stdout
    found = flask("users", "list", "--format", "json", variables=variables, encoding=encoding)
    assert (found.returncode, found.stderr) == (0, "")
    (user,) = json.loads(found.stdout)
    assert user["displayName"] == "Zo\u00eb \u540d\u524d"


@pytest.mark.parametrize("named", ["wsgi", "app", "app:create_app", "app:create_app()"])
def test_flask_finds_routes_and_commands_in_every_name_of_the_app(
    stores: Stores, named: str
) -> None:
    variables = environment(stores)
    routes = flask("--app", named, "routes", variables=variables)
    assert (routes.returncode, routes.stderr) == (0, "")
    assert "/api/scores/increment" in routes.stdout
    listed = flask("--app", named, "users", "list", variables=variables)
    assert (listed.returncode, listed.stderr) == (0, "")


@pytest.mark.parametrize("named", [(), ("--app", "app")])
def test_wrong_settings_are_reported_once(stores: Stores, named: tuple[str, ...]) -> None:
    variables = environment(stores) | {"BCRYPT_COST": "x"}
    del variables["DATABASE_URL"]
    result = flask(*named, "users", "list", variables=variables)
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
        timeout=60,
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
            # The key is written by the reconciler's thread, the subscription is the other thread's.
            await_true(lambda: client.exists(keys.INDEX_COMPLETE_UNTIL), 20)
            await_true(lambda: client.pubsub_numsub(keys.CACHE_INVALIDATE)[0][1] == 1, 20)
        finally:
            end(process, (signal.SIGTERM, 10))
