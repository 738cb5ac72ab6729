"""A run of tools.local as a process, for the tests to watch, signal and count the remains of."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import requests

from config.settings import VARIABLES
from tools.processes import ended

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 45
_SERVICE = Path(__file__).with_name("stand_in_service.py")
_WITH_PROCFILE = (
    "import sys; from pathlib import Path; from tools.local import main; "
    "sys.exit(main(Path(sys.argv[1])))"
)


def eventually(reached: Callable[[], bool], seconds: float = DEADLINE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.02)


class LocalRun:
    """One start of the system in a directory, and all processes it was seen to have."""

    def __init__(
        self, directory: Path, command: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        self.directory = directory
        ours = {variable.name for variable in VARIABLES} | {"MAKELEVEL", "MAKEFLAGS", "MFLAGS"}
        base = {name: value for name, value in os.environ.items() if name not in ours}
        self._log = directory.parent / f"{directory.name}-{time.monotonic_ns()}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**base, "LOCAL_DIR": str(directory), **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.environment = environment
        self.seen: list[psutil.Process] = []

    @property
    def output(self) -> str:
        return self._log.read_text()

    def await_running(self) -> None:
        eventually(lambda: "Ctrl-C stops" in self.output or self.process.poll() is not None)
        assert self.process.poll() is None, self.output
        supervisor = psutil.Process(self.process.pid)
        self.seen = [supervisor, *supervisor.children(recursive=True)]

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Signal the process we started; its exit status."""
        self.process.send_signal(how)
        return self.wait()

    def wait(self) -> int:
        """The exit status once the process we started has ended by itself."""
        return self.process.wait(DEADLINE_SECONDS)

    def service_environment(self, port_variable: str = "PORT") -> dict[str, Any]:
        """The environment that a stand-in service got."""
        port = self.environment[port_variable]
        answer: dict[str, Any] = requests.get(f"http://127.0.0.1:{port}/health", timeout=5).json()
        return answer

    def assert_no_process_left(self) -> None:
        """None of those that were seen, after a moment."""
        eventually(lambda: all(ended(each) for each in self.seen), 15)

    def assert_nothing_left(self) -> None:
        """No process that was seen, no lock, no pid file, no port."""
        self.assert_no_process_left()
        names = {path.name for path in self.directory.rglob("*")}
        assert not names & {"lock", "processes", "postmaster.pid"}
        for variable in ("PORT", "BROADCASTER_PORT"):
            socket.create_server(("127.0.0.1", int(self.environment[variable]))).close()

    def clean_up(self) -> None:
        for each in [psutil.Process(self.process.pid)] if self.process.poll() is None else []:
            self.seen += [each, *each.children(recursive=True)]
        for each in self.seen:
            if not ended(each):
                each.kill()
        self.process.wait(DEADLINE_SECONDS)


def stand_in_procfile(
    directory: Path, release: str = "true", web: str = "", broadcaster: str = ""
) -> Path:
    """A Procfile of services that only mirror their environment, unless others are given."""
    procfile = directory / "Procfile"
    service = f"python {_SERVICE}"
    procfile.write_text(
        f"release: {release}\n"
        f"web: {web or f'{service} PORT'}\n"
        f"broadcaster: {broadcaster or f'{service} BROADCASTER_PORT'}\n"
    )
    return procfile


def deaf_service(port_variable: str) -> str:
    """The command of a service that ignores SIGTERM."""
    return f"python {_SERVICE} {port_variable} deaf"


def supervisor(procfile: Path) -> list[str]:
    """The command that runs tools.local with another Procfile."""
    return [sys.executable, "-c", _WITH_PROCFILE, str(procfile)]
