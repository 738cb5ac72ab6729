"""What a viewer's socket did not take yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

PERSONAL_FRAMES = 16


class OutboxFull(Exception):
    """More personal frames wait than a viewer that reads would leave."""


class Outbox:
    """Whole frames in order; of boards only the newest, since it replaces the one before.

    A frame of which a part was sent goes on before all else, so that no frame is ever torn.
    """

    __slots__ = ("_begun", "_board", "_personal")

    def __init__(self) -> None:
        self._begun = b""
        self._personal: deque[bytes] = deque()
        self._board = b""

    @property
    def empty(self) -> bool:
        return not self._next()

    def put_begun(self, rest: bytes) -> None:
        """The rest of a frame whose first part was sent."""
        self._begun = rest

    def put_personal(self, frame: bytes) -> None:
        """A frame that must not be left out; raises OutboxFull."""
        if len(self._personal) >= PERSONAL_FRAMES:
            raise OutboxFull
        self._personal.append(frame)

    def put_board(self, frame: bytes) -> None:
        """A board, in place of one that was not begun."""
        self._board = frame

    def put_last_words(self, frames: bytes) -> None:
        """All that is still to be said, in place of everything that was not begun."""
        self._personal.clear()
        self._personal.append(frames)
        self._board = b""

    def flush(self, send: Callable[[bytes], int]) -> int:
        """Give `send` what it takes; `send` returns how many bytes it took, as this does."""
        total = 0
        while frame := self._next():
            sent = send(frame)
            total += sent
            if sent:
                self._drop_next()
            if sent < len(frame):
                if sent:
                    self._begun = frame[sent:]
                break
        return total

    def _next(self) -> bytes:
        if self._begun:
            return self._begun
        return self._personal[0] if self._personal else self._board

    def _drop_next(self) -> None:
        if self._begun:
            self._begun = b""
        elif self._personal:
            self._personal.popleft()
        else:
            self._board = b""
