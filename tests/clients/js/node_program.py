"""A program in Node that prints lines, and programs that run to their end."""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tests.support.servers import ROOT

CLIENT = ROOT / "clients" / "js" / "src" / "index.js"
_DRIVER = Path(__file__).parent / "watch_driver.mjs"
_MAJOR_VERSION = 20
_START_SECONDS = 60


def node() -> str:
    """The path of Node; skips the test if it is missing or too old for the client."""
    path = shutil.which("node")
    if path is None:
        pytest.skip("needs Node")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").partition(".")[0]) < _MAJOR_VERSION:
        pytest.skip(f"needs Node {_MAJOR_VERSION}")
    return path


def run_program(source: str, folder: Path) -> str:
    """The output of a module that ends by itself, run in that folder."""
    path = folder / "program.mjs"
    path.write_text(source, encoding="utf-8")
    ended = subprocess.run(
        [node(), path], capture_output=True, text=True, check=False, timeout=60, cwd=folder
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


class Watcher:
    """watch_driver.mjs as a process; a `with` block starts when the watch has begun."""

    def __init__(
        self,
        url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        websocket_url: str | None = None,
        board: str = "main",
        period: str | None = None,
    ) -> None:
        options = {
            "client": CLIENT.as_uri(),
            "url": url,
            "username": username,
            "password": password,
            "token": token,
            "websocketUrl": websocket_url,
            "board": board,
            "period": period,
        }
        self._process = subprocess.Popen(
            [node(), _DRIVER, json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self.seen: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def score(self) -> dict[str, Any]:
        """Score a point; returns whether the board showed it, and the score."""
        self._write("score")
        return self.await_line(lambda line: "scored" in line, 15)

    def await_state(self, kind: str, transport: str, seconds: float) -> dict[str, Any]:
        """Wait for the next such state."""

        def is_it(line: dict[str, Any]) -> bool:
            state = line.get("state", {})
            return (state.get("kind"), state.get("transport")) == (kind, transport)

        state: dict[str, Any] = self.await_line(is_it, seconds)["state"]
        return state

    def await_line(
        self, condition: Callable[[dict[str, Any]], bool], seconds: float
    ) -> dict[str, Any]:
        """The next line for which the condition holds; lines that were read already don't count."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"not within {seconds} s: {self.seen}") from None
            self.seen.append(line)
            if condition(line):
                return line

    def await_seen(self, condition: Callable[[dict[str, Any]], bool], seconds: float) -> None:
        """Wait for a line for which the condition holds, also one that was read already."""
        if not any(map(condition, self.seen)):
            self.await_line(condition, seconds)

    def await_rank(self, score: int) -> None:
        """Wait for the player's own score, which may come before the reply to the point."""

        def is_it(line: dict[str, Any]) -> bool:
            return bool(line.get("rank", {}).get("score") == score)

        self.await_seen(is_it, 10)

    def close(self) -> int:
        """End the watch; returns the exit status of the process, which must end by itself."""
        self._write("close")
        return self._process.wait(10)

    def __enter__(self) -> Self:
        try:
            # Node's start and the login are not part of what a test measures.
            self.await_line(lambda line: "begun" in line, _START_SECONDS)
        except AssertionError:
            self._process.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(json.loads(line))
