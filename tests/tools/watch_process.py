"""tools/watch.py as a process: with --json behind a pipe, and in a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.servers import ROOT
from tests.tools.interrupts import default_ctrl_c

TIMEOUT_SECONDS = 20
_ESCAPE_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class WatchProcess:
    """A running `watch --json`, and the frames that it has printed."""

    def __init__(self, process: subprocess.Popen[bytes], stderr: Path) -> None:
        self._process = process
        self._stderr = stderr
        self.frames: list[dict[str, Any]] = []

    @property
    def errors(self) -> str:
        """What it wrote to stderr."""
        return self._stderr.read_text()

    def next(self, event: str) -> dict[str, Any]:
        """The data of the next frame of that event."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self._process.stdout], [], [], 0.2)
            if ready:
                line = self._process.stdout.readline()
                assert line.endswith(b"\n"), self.errors
                self.frames.append(json.loads(line))
                if self.frames[-1]["event"] == event:
                    data: dict[str, Any] = self.frames[-1]["data"]
                    return data
        raise AssertionError(f"no {event} within {TIMEOUT_SECONDS} s: {self.errors}")

    def next_board(self, min_version: int) -> dict[str, Any]:
        """The next board of that version or a newer one."""
        while (board := self.next("leaderboard_update"))["version"] < min_version:
            pass
        return board

    def press_ctrl_c(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def close_pipe(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.close()

    def wait(self) -> int:
        """The exit status, once the process has ended."""
        return self._process.wait(TIMEOUT_SECONDS)


@contextmanager
def watch_json(
    folder: Path,
    *words: str,
    before_start: Callable[[], None] = default_ctrl_c,
    **variables: str,
) -> Iterator[WatchProcess]:
    """Run `watch --json` with these arguments; `before_start` runs in the child process."""
    path = folder / "stderr"
    with (
        path.open("wb") as stderr,
        subprocess.Popen(
            _command("--json", *words),
            cwd=ROOT,
            env=_environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            bufsize=0,
            preexec_fn=before_start,  # noqa: PLW1509 - one system call
        ) as process,
    ):
        try:
            yield WatchProcess(process, path)
        finally:
            process.kill()


class WatchTerminal:
    """`watch` in a terminal of 100 columns."""

    def __init__(self, *words: str) -> None:
        self._terminal, child_side = pty.openpty()
        self.output = ""
        """Everything that it has written."""
        self._searched = 0

        def take_terminal() -> None:
            # The process gets a session and terminal of its own, so Ctrl-C typed there reaches it.
            os.login_tty(child_side)
            default_ctrl_c()

        self._process = subprocess.Popen(
            _command(*words),
            cwd=ROOT,
            env=_environment(COLUMNS="100", LINES="40"),
            preexec_fn=take_terminal,  # noqa: PLW1509 - two system calls
        )
        os.close(child_side)

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def await_output(self, pattern: str) -> None:
        """Return once this was written after the last match; escape sequences are left out."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not re.search(pattern, _ESCAPE_SEQUENCE.sub("", self.output[self._searched :])):
            assert time.monotonic() < deadline, self.output
            if select.select([self._terminal], [], [], 0.2)[0]:
                try:
                    self.output += os.read(self._terminal, 65536).decode(errors="replace")
                except OSError as error:
                    raise AssertionError(self.output) from error
        self._searched = len(self.output)

    def wait(self) -> int:
        """The exit status, once the process has ended."""
        return self._process.wait(TIMEOUT_SECONDS)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "tools.watch", *words]


def _environment(**variables: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"TERM": "xterm-256color", "LANG": "C.UTF-8"} | variables
