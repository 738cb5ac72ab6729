"""Worker processes of the bench, which get each command as a line of JSON."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Worker:
    """A process of `python -m MODULE`; each call is a line to it and a line back."""

    def __init__(self, module: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def call(self, command: str, **arguments: Any) -> Any:
        """Execute a command in the process; returns its reply."""
        self.start(command, **arguments)
        return self.read_reply()

    def start(self, command: str, **arguments: Any) -> None:
        """Start a command in the process without waiting for the reply."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([command, arguments]) + "\n")
        self._process.stdin.flush()

    def read_reply(self) -> Any:
        """The reply to the command before; raises RuntimeError if the process has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended with {self._process.wait()}")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # The process ends when its stdin is closed.
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def send_reply(reply: Any) -> None:
    """In the worker: reply to the command before."""
    print(json.dumps(reply), flush=True)


def cpu_seconds(pid: int) -> float:
    """CPU seconds that the process with all its threads has used, precise to the nanosecond.

    Linux computes the number of this clock from the process id (clock_getcpuclockid(3)).
    """
    return time.clock_gettime((~pid << 3) | 2)


def private_kilobytes(pid: int) -> int:
    """Private memory of the process, without the kernel's memory for its sockets."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
