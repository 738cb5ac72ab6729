"""A local run as a process that tests start, signal, and examine for leftovers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import requests

from config.settings import VARIABLES
from tools.local.processes import ended

ROOT = Path(__file__).resolve().parents[3]
DEADLINE_SECONDS = 120
"""For a busy machine, on which several systems start at the same time."""
_SERVICE = Path(__file__).with_name("stand_in_service.py")
_WITH_PROCFILE = (
    "import sys; from pathlib import Path; from tools.local.run import main; "
    "sys.exit(main(Path(sys.argv[1])))"
)


def eventually(reached: Callable[[], bool], seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until the condition holds; fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.02)


class LocalRun:
    """One run of the system in `directory`; `seen` are its processes when it was ready."""

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
        """The output of all its processes."""
        return self._log.read_text()

    def await_running(self) -> None:
        """Wait until the run says that it is ready; fails the test if it ends first."""
        eventually(lambda: "Ctrl-C stops" in self.output or self.process.poll() is not None)
        assert self.process.poll() is None, self.output
        supervisor = psutil.Process(self.process.pid)
        self.seen = [supervisor, *supervisor.children(recursive=True)]

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal to the first process; returns its exit status."""
        self.process.send_signal(how)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end of the first process; returns its exit status."""
        return self.process.wait(DEADLINE_SECONDS)

    def service_environment(self, port_variable: str = "PORT") -> dict[str, Any]:
        """The environment of a stand-in service."""
        port = self.environment[port_variable]
        answer: dict[str, Any] = requests.get(f"http://127.0.0.1:{port}/health", timeout=5).json()
        return answer

    def assert_no_process_left(self) -> None:
        """Fail the test unless all processes of `seen` end soon."""
        eventually(lambda: all(ended(each) for each in self.seen))

    def assert_nothing_left(self) -> None:
        """Fail the test if a process, a lock, a pid file or a used port is left."""
        self.assert_no_process_left()
        names = {path.name for path in self.directory.rglob("*")}
        assert not names & {"lock", "processes", "postmaster.pid"}
        for variable in ("PORT", "BROADCASTER_PORT"):
            socket.create_server(("127.0.0.1", int(self.environment[variable]))).close()

    def clean_up(self) -> None:
        """Kill every process that is left."""
        for each in [psutil.Process(self.process.pid)] if self.process.poll() is None else []:
            self.seen += [each, *each.children(recursive=True)]
        for each in self.seen:
            # It may end by itself, because the first process has been killed.
            with suppress(psutil.NoSuchProcess):
                each.kill()
        self.process.wait(DEADLINE_SECONDS)


Start = Callable[..., LocalRun]
"""A function that starts a run; the fixture `start` is one."""


def stand_in_procfile(
    directory: Path, release: str = "true", web: str = "", broadcaster: str = ""
) -> Path:
    """A Procfile whose services only return their environment, unless a command is given."""
    procfile = directory / "Procfile"
    service = f"python {_SERVICE}"
    procfile.write_text(
        f"release: {release}\n"
        f"web: {web or f'{service} PORT'}\n"
        f"broadcaster: {broadcaster or f'{service} BROADCASTER_PORT'}\n"
    )
    return procfile


def service_that_ignores_sigterm(port_variable: str) -> str:
    """The command of a stand-in service that ignores SIGTERM."""
    return f"python {_SERVICE} {port_variable} ignore-sigterm"


def supervisor(procfile: Path) -> list[str]:
    """The command of a local run with another Procfile."""
    return [sys.executable, "-c", _WITH_PROCFILE, str(procfile)]
