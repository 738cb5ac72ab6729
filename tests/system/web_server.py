"""One API server of a running system that a test may end as it likes."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.awaiting import await_true
from tests.servers import ROOT
from tests.system.running import RunningSystem, await_health, free_ports
from tools.processes import end, spawn
from tools.procfile import read_procfile

EXIT_SECONDS = 60


class WebServer:
    """The Procfile's `web` on a port of its own."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log_file: Path) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._log_file = log_file

    def log(self) -> str:
        """What it has said so far."""
        return self._log_file.read_text()

    def await_log(self, text: str, times: int = 1) -> None:
        """Return when it has said the text so often."""
        await_true(lambda: self.log().count(text) >= times, 30)

    def events(self) -> Iterator[dict[str, Any]]:
        """The structured lines of its log."""
        for line in self.log().splitlines():
            if line.startswith("{"):
                yield json.loads(line)

    def workers(self) -> list[psutil.Process]:
        """The worker processes of this moment."""
        return psutil.Process(self.process.pid).children()

    def refuses_connections(self) -> bool:
        """Whether nobody listens on its port."""
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
        return False

    def exit_code(self) -> int:
        """Wait for its end."""
        return self.process.wait(EXIT_SECONDS)


@contextmanager
def web_server(
    system: RunningSystem, log_dir: Path, *, root: Path = ROOT, ready: bool = True, **variables: str
) -> Iterator[WebServer]:
    """One more API server over the system's stores, started in `root`; variables are settings."""
    (port,) = free_ports(1)
    command = read_procfile(ROOT / "Procfile")["web"]
    command[0] = str(Path(sys.executable).parent / command[0])
    log_file = log_dir / f"web-{port}.log"
    with log_file.open("wb") as output:
        process = spawn(
            ["env", f"--chdir={root}", *command],
            output=output,
            environment=system.environment(port) | variables,
        )
        server = WebServer(process, port, log_file)
        try:
            if ready:
                await_health(server.url)
                # One worker is enough for that.
                server.await_log('"serving"', times=int(variables.get("WEB_WORKERS", "2")))
            yield server
        finally:
            end(process, (signal.SIGTERM, 10))
