"""Writes log lines so that a log that can't be written fails no request and no thread."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

WAIT_MS = 50
"""How long one line may wait for a log that is read slowly. The lines after it do not wait."""


class LogStream:
    """Writes lines to a descriptor; drops and counts those that it does not accept.

    The disk of a log may be full, and the reader of a pipe may be gone or may read nothing.
    `notice` formats the line with the number of dropped lines, before the next line.
    """

    def __init__(
        self, descriptor: int, notice: Callable[[int], bytes], poll: Callable[[], select.poll]
    ) -> None:
        self._descriptor = descriptor
        self._notice = notice
        self._poll = poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._lock = threading.Lock()  # for the attributes below
        self._unreported = 0
        self._uncounted = 0
        self._is_line_cut = False

    def write(self, line: bytes) -> None:
        """Write a line, which ends with a line feed, or drop it."""
        with self._lock:
            notice = self._notice(self._unreported) if self._unreported else b""
            end_of_cut_line = b"\n" if self._is_line_cut else b""
            if self._write_all(end_of_cut_line + notice + line):
                self._unreported = 0
            else:
                self._unreported += 1
                self._uncounted += 1

    def flush(self) -> None:
        """Do nothing: no line is buffered."""

    def take_dropped(self) -> int:
        """The number of lines dropped since the last call."""
        if not self._uncounted:
            return 0  # without the lock, because each request calls this
        with self._lock:
            dropped, self._uncounted = self._uncounted, 0
            return dropped

    def _write_all(self, data: bytes) -> bool:
        wait_ms = 0 if self._unreported else WAIT_MS
        position = 0
        while position < len(data) and self._poll.poll(wait_ms):
            try:
                # A pipe that is writable takes this much without waiting.
                written = os.write(self._descriptor, data[position : position + select.PIPE_BUF])
            except OSError:
                break
            position += written
        if position:
            self._is_line_cut = position < len(data)
        return position == len(data)
