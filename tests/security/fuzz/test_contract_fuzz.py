"""Every documented call, with valid and invalid input that schemathesis generates.

It checks that no answer is a 5xx, that each answer is documented with its body, headers and content
type, and that a call that needs a token is refused without one.
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

from tests.security.fuzz.effort import EXAMPLE_SEED, FACTOR, LONG
from tests.support.api_harness import ApiHarness
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

log = logging.getLogger(__name__)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

EXAMPLES = 4
MIN_CASES = 2500 if LONG else 300
"""Least number of cases in a run."""
SESSION_ENDING = "/auth/(logout|password)"
"""Calls that end the session with which all other calls are made."""


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """An API of its own, because the calls ban and delete users."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        with ApiHarness(stores, tmp_path_factory.mktemp("logs")) as running:
            yield running


@pytest.fixture
def admin(system: SystemHarness) -> Player:
    """An admin, which every call accepts."""
    player = system.register()
    connection = psycopg2.connect(system.stores.database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("UPDATE users SET role = 'admin' WHERE id = %s", (player.user_id,))
    connection.close()
    return player


def fuzz(system: SystemHarness, folder: Path, *options: str) -> int:
    """Run schemathesis over the whole document; the number of cases."""
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        f"--config-file={Path(__file__).parent / 'schemathesis.toml'}",
        "run",
        f"{system.url}/openapi.json",
        "--checks=all",
        "--phases=examples,coverage,fuzzing,stateful",
        f"--max-examples={EXAMPLES * FACTOR}",
        # Two workers sometimes meet a bug of CPython 3.11 (AST constructor recursion depth).
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


def test_every_answer_to_an_admin_is_as_documented(
    system: SystemHarness, admin: Player, tmp_path: Path
) -> None:
    token = f"--header=Authorization: Bearer {admin.access_token}"
    assert fuzz(system, tmp_path, f"--exclude-path-regex={SESSION_ENDING}", token) >= MIN_CASES
    me = admin.call("GET", "/users/me")
    assert me.status_code == 200, me.text
    assert "Traceback" not in system.log("web")


def test_every_answer_without_a_token_is_as_documented(
    system: SystemHarness, tmp_path: Path
) -> None:
    assert fuzz(system, tmp_path) >= MIN_CASES
    assert "Traceback" not in system.log("web")
