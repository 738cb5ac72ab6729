"""The view of `--json`: prints each frame as one line, for scripts."""

from __future__ import annotations

import codecs
import json
import select
import sys
from typing import Any, TextIO


class PipeClosed(Exception):
    """The process that read the output has closed the pipe."""


class JsonLines:
    """Writes each frame to `output` at once, and the state of the connection to stderr."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        # Encodings other than UTF-8 lack characters. JSON can escape them (\u00e4); the escapes of
        # Python's own error handlers (\xe4) are not JSON.
        self._ascii_only = codecs.lookup(output.encoding).name != "utf-8"
        self._poll = select.poll()
        # Waits for no event; poll always reports errors, and on a pipe an error means that the
        # reader has closed it.
        self._poll.register(output, 0)

    def show_frame(self, message: dict[str, Any]) -> None:
        """Write a frame; raises PipeClosed."""
        try:
            self._output.write(json.dumps(message, ensure_ascii=self._ascii_only) + "\n")
            self._output.flush()
        except BrokenPipeError:
            raise PipeClosed from None

    def show_disconnected(self, cause: str, retry_seconds: float) -> None:
        print(f"reconnecting in {retry_seconds:.1f} s: {cause}", file=sys.stderr, flush=True)

    def on_idle(self) -> None:
        """Raise PipeClosed if the reader has closed the pipe."""
        if any(event & (select.POLLERR | select.POLLNVAL) for _, event in self._poll.poll(0)):
            raise PipeClosed
