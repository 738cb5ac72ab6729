"""A broadcaster process with its own stores, and the services on them in the test's process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from app.contract.commands import SUBPROTOCOL
from app.contract.identity import Identity, JwtSigner
from config.settings import load_settings
from tests.support.broadcaster.frames import UPGRADE
from tests.support.environment import base_environment, without_api_secrets
from tests.support.players import Person
from tests.support.servers import Stores
from tests.support.services import Services, build_services
from tests.support.system.harness import READY_SECONDS, await_health, free_ports
from tests.support.waiting import await_true
from tools.local.processes import kill_tree, spawn

ORIGIN = "https://scores.example"


@dataclass
class BroadcasterHarness:
    """A running broadcaster process and what a test needs to use it."""

    stores: Stores
    services: Services
    port: int
    log_file: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def register_player(self) -> Person:
        """A new account."""
        return Person.register(self.services)

    def access_token(self, person: Person, *, seconds: int = 900) -> str:
        """An access token of the person's session that expires in `seconds`."""
        return self.sign(replace(person.identity, expires_at=int(time.time()) + seconds))

    def sign(self, identity: Identity) -> str:
        """An access token of that identity, whether the identity exists or not."""
        settings = self.services.settings
        key, issuer, audience = (
            settings.jwt_private_key,
            settings.jwt_issuer,
            settings.jwt_audience,
        )
        return JwtSigner(key, issuer, audience).sign(identity, "access", int(time.time()) - 60)

    def connect_viewer(
        self, person: Person | None = None, query: str = "", **options: Any
    ) -> ClientConnection:
        """A viewer by the websockets library; options are those of its connect()."""
        token = self.access_token(person or self.register_player())
        url = f"{self.websocket_url}?{query}"
        return connect(url, subprotocols=[SUBPROTOCOL, token], **options)  # type: ignore[list-item]

    def request_handshake(
        self, token: str | None, query: str = "", **headers: str
    ) -> requests.Response:
        """The reply to a handshake; the connection is closed."""
        credentials = {} if token is None else {"Authorization": f"Bearer {token}"}
        url = f"{self.url}/ws?{query}"
        return requests.get(url, headers=UPGRADE | credentials | headers, timeout=10)

    def log(self) -> str:
        """The log so far."""
        return self.log_file.read_text()

    def await_log(self, pattern: str, seconds: float) -> None:
        """Return when the log matches; fails the test after `seconds`."""
        await_true(lambda: re.search(pattern, self.log()), seconds)

    def metric(self, series: str) -> float:
        """The value of a series in /metrics; 0 if the series does not exist yet."""
        token = {"Authorization": f"Bearer {self.services.settings.metrics_token}"}
        text = requests.get(f"{self.url}/metrics", headers=token, timeout=10).text
        found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def open_descriptors(self) -> int:
        """How many file descriptors the process has open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def open_connections(self) -> int:
        """How many of its descriptors are connections of clients, not of the stores."""
        connections = psutil.Process(self.process.pid).net_connections("tcp")
        ours = [each for each in connections if each.laddr.port == self.port]
        return len([each for each in ours if each.status != psutil.CONN_LISTEN])


def events_until_close(
    viewer: ClientConnection, seconds: float
) -> tuple[list[dict[str, Any]], int]:
    """The events before the close frame, which has to arrive in time, and its code."""
    limit = time.monotonic() + seconds
    events: list[dict[str, Any]] = []
    try:
        while True:
            events.append(json.loads(viewer.recv(max(0.0, limit - time.monotonic()))))
    except ConnectionClosed as closed:
        assert closed.rcvd is not None
        return events, closed.rcvd.code


@contextmanager
def running_broadcaster(
    stores: Stores, log_dir: Path, **variables: str
) -> Iterator[BroadcasterHarness]:
    """A healthy broadcaster process; `variables` are settings."""
    (port,) = free_ports(1)
    environment = base_environment() | {
        "DATABASE_URL": stores.database_url,
        "REDIS_URL": stores.redis_url,
        "BROADCASTER_PORT": str(port),
        "ALLOWED_ORIGINS": ORIGIN,
        "LOG_LEVEL": "DEBUG",
        **variables,
    }
    with patch.dict(os.environ, environment):
        services = build_services(load_settings())
    log_file = log_dir / f"broadcaster-{port}.log"
    with log_file.open("wb") as output:
        process = spawn(
            [sys.executable, "-m", "broadcaster"],
            output=output,
            environment={"PATH": os.environ["PATH"], **without_api_secrets(environment)},
        )
        try:
            await_health(f"http://127.0.0.1:{port}")
            running = BroadcasterHarness(stores, services, port, log_file, process)
            # What is published before is lost, and the health does not depend on it.
            running.await_log('"subscribed"', READY_SECONDS)
            yield running
        finally:
            kill_tree(process)
            services.close()
