"""The frames that a viewer's socket has not taken yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

MAX_PERSONAL_FRAMES = 16


class SendBufferFull(Exception):
    """More personal frames are waiting than a viewer that reads would leave unread."""


class SendBuffer:
    """Whole frames in order, but only the newest board, because it replaces the older ones.

    The rest of a frame that was sent in part comes first, so that no frame is ever torn.
    """

    __slots__ = ("_board", "_partial", "_personal")

    def __init__(self) -> None:
        self._partial = b""
        self._personal: deque[bytes] = deque()
        self._board = b""

    @property
    def empty(self) -> bool:
        return not self._next()

    def put_partial(self, rest: bytes) -> None:
        """Add the rest of a frame whose first part was sent."""
        self._partial = rest

    def put_personal(self, frame: bytes) -> None:
        """Add a frame that must not be left out; raises SendBufferFull."""
        if len(self._personal) >= MAX_PERSONAL_FRAMES:
            raise SendBufferFull
        self._personal.append(frame)

    def put_board(self, frame: bytes) -> None:
        """Replace the waiting board, if there is one."""
        self._board = frame

    def put_close_frames(self, frames: bytes) -> None:
        """Replace all frames of which nothing was sent by these, the last ones."""
        self._personal.clear()
        self._personal.append(frames)
        self._board = b""

    def flush(self, send: Callable[[bytes], int]) -> int:
        """Call `send` until it takes no more; `send` returns how many bytes it took.

        Returns how many bytes it took in all.
        """
        total = 0
        while frame := self._next():
            sent = send(frame)
            total += sent
            if sent:
                self._drop_next()
            if sent < len(frame):
                if sent:
                    self._partial = frame[sent:]
                break
        return total

    def _next(self) -> bytes:
        if self._partial:
            return self._partial
        return self._personal[0] if self._personal else self._board

    def _drop_next(self) -> None:
        if self._partial:
            self._partial = b""
        elif self._personal:
            self._personal.popleft()
        else:
            self._board = b""
