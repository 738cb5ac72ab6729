"""Every documented call with whatever fits its schema and whatever doesn't, by schemathesis.

It checks that no answer is a 5xx, that each is one that the document names, with the body, headers
and content type that it says, and that what needs a token isn't had without one.
"""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from tests.app.http.web_alone import WebAlone
from tests.security.effort import EXAMPLE_SEED, FACTOR, LONG
from tests.servers import DatabaseServer, Stores, redis_server
from tests.system.player import Player
from tests.system.running import RunningSystem

log = logging.getLogger(__name__)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

EXAMPLES = 4
AT_LEAST = 2500 if LONG else 300
"""Cases of each run."""
SUICIDAL = "/auth/(logout|password)"
"""Calls after which the token that makes all others is worth nothing."""


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSystem]:
    """An API of its own: the calls ban and delete whom they find."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        with WebAlone(stores, tmp_path_factory.mktemp("logs")) as running:
            yield running


@pytest.fixture
def admin(system: RunningSystem) -> Player:
    """Who may call everything."""
    player = system.register()
    connection = psycopg2.connect(system.stores.database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("UPDATE users SET role = 'admin' WHERE id = %s", (player.user_id,))
    connection.close()
    return player


def fuzz(system: RunningSystem, folder: Path, *options: str) -> int:
    """Run it over the whole document; how many cases there were."""
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        f"--config-file={Path(__file__).parent / 'schemathesis.toml'}",
        "run",
        f"{system.url}/openapi.json",
        "--checks=all",
        "--phases=examples,coverage,fuzzing,stateful",
        f"--max-examples={EXAMPLES * FACTOR}",
        # Two at once now and then meet a fault of CPython 3.11 (AST constructor recursion depth).
        "--workers=1",
        "--request-timeout=30",
        "--no-color",
        *options,
    ]
    if EXAMPLE_SEED is not None:
        command.append(f"--seed={EXAMPLE_SEED}")
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=3500, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    found = re.search(r"Test cases:\s+([0-9,]+) generated", done.stdout)
    assert found, done.stdout[-2000:]
    log.info("schemathesis: %s cases %s a token", found[1], "with" if options else "without")
    return int(found[1].replace(",", ""))


def test_every_answer_is_as_documented_to_who_may_call_everything(
    system: RunningSystem, admin: Player, tmp_path: Path
) -> None:
    token = f"--header=Authorization: Bearer {admin.access_token}"
    assert fuzz(system, tmp_path, f"--exclude-path-regex={SUICIDAL}", token) >= AT_LEAST
    me = admin.call("GET", "/users/me")
    assert me.status_code == 200, me.text
    assert "Traceback" not in system.log("web")


def test_every_answer_is_as_documented_to_who_has_no_token(
    system: RunningSystem, tmp_path: Path
) -> None:
    assert fuzz(system, tmp_path) >= AT_LEAST
    assert "Traceback" not in system.log("web")
