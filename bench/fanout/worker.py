"""Processes that do one thing each and are told what to do by a line of JSON."""

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
        """Have the process do it; what it replied."""
        self.tell(command, **arguments)
        return self.reply()

    def tell(self, command: str, **arguments: Any) -> None:
        """Have the process do it, and don't wait."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([command, arguments]) + "\n")
        self._process.stdin.flush()

    def reply(self) -> Any:
        """What it replied; raises RuntimeError when it is gone."""
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
        # It ends when nobody can tell it anything any more.
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def answer(reply: Any) -> None:
    """A worker's reply to the call before."""
    print(json.dumps(reply), flush=True)


def cpu_seconds(pid: int) -> float:
    """CPU that the process has used since it began, its threads included, to the nanosecond.

    The clock is the one of clock_getcpuclockid(3): Linux builds its number of the process id.
    """
    return time.clock_gettime((~pid << 3) | 2)


def private_kilobytes(pid: int) -> int:
    """Memory that the process shares with nobody, without the kernel's for its sockets."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
