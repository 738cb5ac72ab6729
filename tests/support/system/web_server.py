"""One more API server of a running system, for tests that stop or reload it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.support.servers import ROOT
from tests.support.system.harness import SystemHarness, await_health, free_ports
from tests.support.waiting import await_true
from tools.local.processes import kill_tree, spawn
from tools.local.procfile import read_procfile

EXIT_SECONDS = 60


class WebServer:
    """A process of the Procfile's `web` on a separate port."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log_file: Path) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._log_file = log_file

    def log(self) -> str:
        """The output so far."""
        return self._log_file.read_text()

    def await_log(self, text: str, times: int = 1) -> None:
        """Wait until the log contains the text `times` times."""
        await_true(lambda: self.log().count(text) >= times, 60)

    def events(self) -> Iterator[dict[str, Any]]:
        """The JSON lines of its log."""
        for line in self.log().splitlines():
            if line.startswith("{"):
                yield json.loads(line)

    def workers(self) -> list[psutil.Process]:
        """The current worker processes."""
        return psutil.Process(self.process.pid).children()

    def refuses_connections(self) -> bool:
        """Whether no process listens on its port."""
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
        return False

    def exit_code(self) -> int:
        """Wait for its end; returns the exit status."""
        return self.process.wait(EXIT_SECONDS)


@contextmanager
def web_server(
    system: SystemHarness,
    log_dir: Path,
    *,
    command: Sequence[str] = (),
    root: Path = ROOT,
    ready: bool = True,
    **variables: str,
) -> Iterator[WebServer]:
    """An API server with the system's stores, started in `root`; `variables` are settings.

    It has one worker unless WEB_WORKERS says otherwise.
    `command` replaces the Procfile's; `PORT` in it is replaced by the port.
    """
    (port,) = free_ports(1)
    variables = {"WEB_WORKERS": "1"} | variables
    words = [word.replace("PORT", str(port)) for word in command]
    command = words or read_procfile(ROOT / "Procfile")["web"]
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
                # The health check needs only one worker; the tests need all.
                server.await_log('"serving"', times=int(variables["WEB_WORKERS"]))
            yield server
        finally:
            kill_tree(process)
