"""The whole system under test: API processes and broadcasters as the Procfile starts them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

from tests.support.environment import base_environment, without_api_secrets
from tests.support.servers import ROOT, Stores
from tests.support.system.player import Player
from tools.local.embedded_server import reserve_port
from tools.local.processes import kill_tree, spawn
from tools.local.procfile import read_procfile

READY_SECONDS = 90
"""Long enough for a busy machine, on which several systems start at the same time."""


class SystemHarness:
    """API processes and broadcasters on free ports of `host`, running during a `with` block.

    Each API process has one worker unless `variables` say otherwise: the start of a second one
    takes a second of CPU. `variables` are settings in addition to those of all tests. `wrapper` are
    words before each command that replace themselves by it, such as `nsenter`. `url` is the address
    of the first API process, `websocket_url` of the first broadcaster; with `broadcasters=0` no
    broadcaster runs.
    """

    def __init__(
        self,
        stores: Stores,
        log_dir: Path,
        *,
        web_processes: int = 1,
        broadcasters: int = 1,
        variables: dict[str, str] | None = None,
        wrapper: Sequence[str] = (),
        host: str = "127.0.0.1",
    ) -> None:
        self.stores = stores
        self._log_dir = log_dir
        self._stack = ExitStack()
        self.ports = free_ports(web_processes)
        self.broadcaster_ports = free_ports(broadcasters)
        # The API needs the setting also if no broadcaster runs.
        (self.broadcaster_port,) = self.broadcaster_ports[:1] or free_ports(1)
        self._host = host
        self.urls = [f"http://{host}:{port}" for port in self.ports]
        self.url = self.urls[0]
        self.websocket_urls = [f"ws://{host}:{port}/ws" for port in self.broadcaster_ports]
        self.websocket_url = f"ws://{host}:{self.broadcaster_port}/ws"
        self.web: list[subprocess.Popen[bytes]] = []
        self.broadcasters: list[subprocess.Popen[bytes]] = []
        self._variables = variables or {}
        self._wrapper = wrapper

    def environment(self, port: int = 0, broadcaster_port: int = 0) -> dict[str, str]:
        """The environment of a process; 0 means the port of the first one."""
        return {
            **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **base_environment(),
            "DATABASE_URL": self.stores.database_url,
            "REDIS_URL": self.stores.redis_url,
            "HOST": self._host,
            "PORT": str(port or self.ports[0]),
            "BROADCASTER_PORT": str(broadcaster_port or self.broadcaster_port),
            "ALLOWED_ORIGINS": ",".join(self.urls),
            "WEB_WORKERS": "1",
            **self._variables,
        }

    def start_release(self) -> subprocess.Popen[bytes]:
        """Start the Procfile's release; it ends on its own."""
        return self._start("release", self.environment())

    def start_web(self, port: int, **variables: str) -> subprocess.Popen[bytes]:
        """Start one API process; `variables` are settings for this process only."""
        process = self._start("web", self.environment(port) | variables)
        self.web.append(process)
        return process

    def start_broadcaster(self, port: int) -> subprocess.Popen[bytes]:
        """Start one broadcaster."""
        environment = without_api_secrets(self.environment(broadcaster_port=port))
        process = self._start("broadcaster", environment)
        self.broadcasters.append(process)
        return process

    def wait_until_ready(self) -> None:
        """Wait until every process is healthy; raises TimeoutError."""
        for port in [*self.ports, *self.broadcaster_ports]:
            await_health(f"http://{self._host}:{port}")

    def register(self, name: str | None = None, *, url: str | None = None) -> Player:
        """Register a player; `name` is the display name."""
        return Player.register(url or self.url, display_name=name)

    def log(self, name: str) -> str:
        """The output of all processes of that line in the Procfile."""
        return "".join(path.read_text() for path in sorted(self._log_dir.glob(f"{name}-*.log")))

    def __enter__(self) -> Self:
        for port in self.ports:
            self.start_web(port)
        for port in self.broadcaster_ports:
            self.start_broadcaster(port)
        try:
            self.wait_until_ready()
        except TimeoutError:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Kill every process that still runs, because a clean shutdown takes 2 s."""
        self._stack.close()

    def _start(self, name: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        command = read_procfile(ROOT / "Procfile")[name]
        number = len(list(self._log_dir.glob(f"{name}-*.log")))
        output = self._stack.enter_context((self._log_dir / f"{name}-{number}.log").open("wb"))
        command[0] = str(Path(sys.executable).parent / command[0])
        process = spawn([*self._wrapper, *command], output=output, environment=environment)
        self._stack.callback(kill_tree, process)
        return process


def await_health(url: str) -> None:
    """Wait until the process at `url` is healthy; raises TimeoutError."""
    limit = time.monotonic() + READY_SECONDS
    while time.monotonic() < limit:
        try:
            if requests.get(f"{url}/health", timeout=2).ok:
                return
        except (requests.ConnectionError, requests.Timeout):
            pass  # gunicorn listens before its workers can answer
        time.sleep(0.05)
    raise TimeoutError(f"{url} did not become healthy")


def free_ports(number: int) -> list[int]:
    """Free ports of 127.0.0.1, reserved for the servers of this process until it ends.

    Without the reservation, an outgoing connection of any process could take the port before the
    server listens on it.
    """
    reservations = [reserve_port("127.0.0.1") for _ in range(number)]
    _reservations.extend(reservations)
    return [each.getsockname()[1] for each in reservations]


_reservations: list[socket.socket] = []
