"""A broadcaster process over stores of its own, and the services to play with in this process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from app.composition import Services, build_services
from app.contract.identity import Identity, JwtSigner
from app.contract.messages import SUBPROTOCOL
from config.settings import load_settings
from tests.app.people import Person
from tests.awaiting import await_true
from tests.environment import base_environment
from tests.servers import Stores
from tests.system.running import await_health, free_ports
from tools.processes import end, spawn

ORIGIN = "https://scores.example"


@dataclass
class Stage:
    """What a test of the broadcaster needs around it."""

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

    def person(self) -> Person:
        """A new account."""
        return Person.register(self.services)

    def access_token(self, person: Person, *, seconds: int = 900) -> str:
        """An access token of the person's session that lives for so long."""
        return self.sign(replace(person.identity, expires_at=int(time.time()) + seconds))

    def sign(self, identity: Identity) -> str:
        """An access token of that identity, whether it exists or not."""
        settings = self.services.settings
        key, issuer, audience = (
            settings.jwt_private_key,
            settings.jwt_issuer,
            settings.jwt_audience,
        )
        return JwtSigner(key, issuer, audience).sign(identity, "access", int(time.time()) - 60)

    def watch(self, person: Person | None = None, **options: Any) -> ClientConnection:
        """A viewer by the usual client library; options are those of its connect()."""
        token = self.access_token(person or self.person())
        return connect(self.websocket_url, subprotocols=[SUBPROTOCOL, token], **options)  # type: ignore[list-item]

    def log(self) -> str:
        """What the broadcaster has said so far."""
        return self.log_file.read_text()

    def await_log(self, pattern: str, seconds: float) -> None:
        """Return when a line of the log matches."""
        await_true(lambda: re.search(pattern, self.log()), seconds)

    def descriptors(self) -> int:
        """How many file descriptors the broadcaster has open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))


def last_events(viewer: ClientConnection, seconds: float) -> tuple[list[dict[str, Any]], int]:
    """What comes until the close frame, which has to come in time, and its code."""
    limit = time.monotonic() + seconds
    events: list[dict[str, Any]] = []
    try:
        while True:
            events.append(json.loads(viewer.recv(max(0.0, limit - time.monotonic()))))
    except ConnectionClosed as closed:
        assert closed.rcvd is not None
        return events, closed.rcvd.code


def metric(stage: Stage, name: str) -> float:
    """What /metrics says of it; 0 for a label that was never counted."""
    text = requests.get(f"{stage.url}/metrics", timeout=5).text
    values = [line.split()[-1] for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(values[0]) if values else 0.0


@contextmanager
def broadcaster_on(stores: Stores, log_dir: Path, **variables: str) -> Iterator[Stage]:
    """A stage with its process running and healthy; variables are settings."""
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
            environment={"PATH": os.environ["PATH"], **environment},
        )
        try:
            await_health(f"http://127.0.0.1:{port}")
            yield Stage(stores, services, port, log_file, process)
        finally:
            end(process, (signal.SIGTERM, 10))
            services.close()
