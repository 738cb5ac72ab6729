"""The edge: Debian's Caddy with the Caddyfile of deploy/."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter

from tests.support.servers import ROOT
from tests.support.system.harness import free_ports
from tests.support.waiting import await_true
from tools.local.processes import end, spawn

CADDY = shutil.which("caddy") or ""
CADDYFILE = str(ROOT / "deploy/caddy/Caddyfile")


class Edge:
    """A running Caddy: its addresses and its log."""

    def __init__(self, port: int, log_file: Path) -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self.websocket_url = f"ws://127.0.0.1:{port}/ws"
        self._log_file = log_file

    def log(self) -> str:
        """The output so far."""
        return self._log_file.read_text()

    def await_log(self, text: str) -> None:
        """Wait until the log contains the text; the line of a request comes after its reply."""
        await_true(lambda: text in self.log(), 30)


@contextmanager
def edge(port: int, web_port: int, broadcaster_port: int, folder: Path) -> Iterator[Edge]:
    """Caddy on `port` of 127.0.0.1, in front of an API server and a broadcaster."""
    (admin_port,) = free_ports(1)
    running = Edge(port, folder / f"edge-{port}.log")
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "SITE_ORIGIN": running.origin,
        "EDGE_BIND": "127.0.0.1",
        "EDGE_ADMIN": f"127.0.0.1:{admin_port}",
        "EDGE_API_UPSTREAM": f"127.0.0.1:{web_port}",
        "BROADCASTER_UPSTREAM": f"127.0.0.1:{broadcaster_port}",
    }
    command = [CADDY, "run", "--config", CADDYFILE, "--adapter", "caddyfile"]
    with (folder / f"edge-{port}.log").open("wb") as output:
        process = spawn(command, output=output, environment=variables)
    try:
        running.await_log("serving initial configuration")
        yield running
    finally:
        end(process, (signal.SIGTERM, 10))


def client_at(address: str) -> requests.Session:
    """An HTTP client whose connections come from that local address."""

    class Source(HTTPAdapter):
        def init_poolmanager(self, *arguments: object, **options: object) -> None:
            super().init_poolmanager(*arguments, **options, source_address=(address, 0))  # type: ignore[arg-type]

    session = requests.Session()
    session.mount("http://", Source())
    return session
