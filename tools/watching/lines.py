"""`--json`: one line a frame, for scripts."""

from __future__ import annotations

import json
import select
import sys
from typing import IO, Any


class PipeClosed(Exception):
    """Whoever read our lines has gone."""


class JsonLines:
    """Writes each frame at once; what happens to the connection goes to stderr."""

    def __init__(self, output: IO[str]) -> None:
        self._output = output
        self._poll = select.poll()
        # Only what can't be asked for: an error, which on a pipe means that nobody reads.
        self._poll.register(output, 0)

    def frame(self, message: dict[str, Any]) -> None:
        try:
            self._output.write(json.dumps(message, ensure_ascii=False) + "\n")
            self._output.flush()
        except BrokenPipeError:
            raise PipeClosed from None

    def away(self, cause: str, seconds: float) -> None:
        print(f"reconnecting in {seconds:.1f} s: {cause}", file=sys.stderr, flush=True)

    def idle(self) -> None:
        if any(event & (select.POLLERR | select.POLLNVAL) for _, event in self._poll.poll(0)):
            raise PipeClosed
