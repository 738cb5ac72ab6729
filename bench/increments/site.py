"""The API under measurement: real servers, fsync on, gunicorn as the Procfile starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg2
import redis
import requests

from app.contract import keys
from bench.full_board import fill_board
from tests.system.running import free_ports
from tools.embedded import EmbeddedPostgres, EmbeddedValkey
from tools.processes import end, spawn
from tools.procfile import read_procfile
from tools.secrets_file import new_private_key, new_secret

ROOT = Path(__file__).parent.parent.parent
READY_SECONDS = 300
"""Until the rank index of a million players is made."""
_PEER = "peer"
_UNLIMITED = "1000000000 per minute"


@dataclass(frozen=True)
class Site:
    """One running API with a full board."""

    url: str
    players: int
    environment: dict[str, str]
    log_file: Path
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    web: subprocess.Popen[bytes]

    @property
    def roots(self) -> dict[str, int]:
        """The first process of each kind."""
        return {"gunicorn": self.web.pid, "postgres": self.postgres.pid, "valkey": self.valkey.pid}

    @property
    def peer_url(self) -> str:
        """A copy of the filled database, which the API knows nothing of."""
        return f"{self.postgres.url.rpartition('/')[0]}/{_PEER}"

    def last_words(self) -> str:
        """The end of the API's log."""
        return self.log_file.read_text()[-3000:]


@contextmanager
def site(players: int, folder: Path) -> Iterator[Site]:
    """An API over a board of so many players, whose rank index is whole."""
    with ExitStack() as stack:
        stores = Path(stack.enter_context(TemporaryDirectory(prefix="bench-increments-")))
        stores.chmod(0o711)  # PostgreSQL's user passes through
        postgres = stack.enter_context(EmbeddedPostgres(stores / "postgres"))
        valkey = stack.enter_context(EmbeddedValkey(stores / "valkey", persistent=True))
        (port,) = free_ports(1)
        environment = _environment(postgres, valkey, port)
        log_file = folder / f"web-{players}.log"
        log = stack.enter_context(log_file.open("wb"))
        commands = read_procfile(ROOT / "Procfile")
        options: dict[str, Any] = {"environment": environment, "output": log}
        if (code := spawn(_located(commands["release"]), **options).wait()) != 0:
            raise RuntimeError(f"release ended with {code}: {log_file.read_text()}")
        fill_board(postgres.url, players)
        _copy_database(postgres.url)
        web = spawn(_located(commands["web"]), **options)
        stack.callback(end, web, (signal.SIGTERM, 10))
        running = Site(
            f"http://127.0.0.1:{port}", players, environment, log_file, postgres, valkey, web
        )
        _await_board(running)
        yield running


def _copy_database(url: str) -> None:
    """PostgreSQL alone is measured with a copy, or the API would repair its index meanwhile."""
    server, _, name = url.rpartition("/")
    with closing(psycopg2.connect(f"{server}/postgres")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {_PEER} TEMPLATE {name}")


def _environment(postgres: EmbeddedPostgres, valkey: EmbeddedValkey, port: int) -> dict[str, str]:
    """Settings that differ from the defaults only in what a measurement would run into."""
    binaries = Path(sys.executable).parent
    return {
        **os.environ,
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "DATABASE_URL": postgres.url,
        "REDIS_URL": valkey.url,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "JWT_PRIVATE_KEY": new_private_key(),
        "ACTION_TOKEN_SECRET": new_secret(),
        "ACCESS_TOKEN_SECONDS": "86400",
        "ACTION_TOKEN_SECONDS": "3600",
        "TOKEN_LIMIT": _UNLIMITED,
        "INCREMENT_LIMIT": _UNLIMITED,
        "READ_LIMIT": _UNLIMITED,
        "FRAUD_RAPID_MAX": "1000000000",
    }


def _located(command: list[str]) -> list[str]:
    return [str(Path(sys.executable).parent / command[0]), *command[1:]]


def _await_board(running: Site) -> None:
    """Return when the index is whole and a board is stored, as on a site that runs for a while."""
    limit = time.monotonic() + READY_SECONDS
    client = redis.Redis.from_url(running.valkey.url)
    while time.monotonic() < limit:
        try:
            found = requests.get(f"{running.url}/api/leaderboard", timeout=2)
            if found.ok and client.exists(keys.INDEX_COMPLETE_UNTIL):
                return
        except (requests.ConnectionError, requests.Timeout):
            pass
        time.sleep(0.1)
    raise RuntimeError(f"the API did not become ready: {running.last_words()}")
