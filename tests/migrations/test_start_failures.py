"""A release that can't start says why and what to correct, without a traceback."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import ROOT, Stores

pytestmark = pytest.mark.slow


def release(**variables: str) -> subprocess.CompletedProcess[str]:
    """`alembic upgrade head` with only these settings."""
    return subprocess.run(
        [Path(sys.executable).parent / "alembic", "upgrade", "head"],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://u:hidden@h/d",
        "hidden",
        "postgresql://u:hidden@h:many/d",
        "postgresql://u:hidden@h/d?no_such_option=1",
    ],
)
def test_a_missing_or_malformed_url_is_named(url: str) -> None:
    ended = release(DATABASE_URL=url)
    assert (ended.returncode, ended.stdout) == (1, "")
    heading, problem = ended.stderr.splitlines()
    assert heading == "The settings can't be used:"
    assert problem.startswith("  DATABASE_URL ")
    assert "postgresql://user:password@host" in problem
    assert "hidden" not in problem


def test_a_server_that_refuses_is_named_in_one_line(stores: Stores) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        unreachable = f"postgresql://u:hidden@127.0.0.1:{closed.getsockname()[1]}/d"
        server = stores.database_url
        wrong_password = server.replace(server.split("@")[0], "postgresql://scoreboard:hidden")
        wrong_database = server.rpartition("/")[0] + "/no_such_database"
        for url, cause in (
            (unreachable, "Connection refused"),
            (wrong_password, "password authentication failed"),
            (wrong_database, "does not exist"),
        ):
            ended = release(DATABASE_URL=url)
            assert (ended.returncode, ended.stdout) == (1, "")
            assert ended.stderr.startswith("Can't connect to PostgreSQL; check DATABASE_URL")
            assert ended.stderr.count("\n") == 1
            assert cause in ended.stderr
            assert "hidden" not in ended.stderr
