"""Turns the bytes of one viewer into messages, within the limits of size and rate."""

from __future__ import annotations

from collections.abc import Iterator

from wsproto.events import Event

from app.contract.viewers.close_codes import TOO_MANY_MESSAGES
from broadcaster.metrics import LIMIT_HITS
from broadcaster.viewers.limits import RateExceeded, ViewerLimits
from broadcaster.viewers.websocket.frame_reader import FrameReader, ProtocolViolated

EMPTY_PONG, EMPTY_PONG_BYTES = b"\x8a\x80", 6
"""How a pong without payload begins, and its length with the mask: the answer to our pings."""


class MessageReceiver:
    """Holds a frame reader only while a message is incomplete, so an idle viewer stays small."""

    __slots__ = ("_frame_reader", "_frames_paid_until", "_inflates", "_limits", "_stopped")

    def __init__(self, limits: ViewerLimits, *, inflates: bool) -> None:
        self._limits = limits
        self._inflates = inflates
        self._frame_reader: FrameReader | None = None
        self._frames_paid_until = 0.0
        self._stopped = False

    def receive(self, data: bytes, now: float) -> Iterator[Event]:
        """The messages that `data` completes; `now` in monotonic seconds.

        Raises ProtocolViolated at the first frame that is invalid or exceeds a limit.
        """
        if self._stopped:
            return
        try:
            if self._frame_reader is None and _is_empty_pong(data):
                self._charge_frame(now)
                return
            for event in self._read_frames(data):
                self._charge_frame(now)
                if event is not None:
                    yield event
        except ProtocolViolated:
            self.stop()
            raise

    def stop(self) -> None:
        """Ignore all bytes that follow: after a violation or a close frame they mean nothing."""
        self._stopped = True
        self._frame_reader = None

    def _read_frames(self, data: bytes) -> Iterator[Event | None]:
        frame_reader = self._frame_reader or FrameReader(
            self._limits.message_bytes, inflates=self._inflates
        )
        self._frame_reader = frame_reader
        yield from frame_reader.read(data)
        if frame_reader.between_messages:
            self._frame_reader = None

    def _charge_frame(self, now: float) -> None:
        try:
            self._frames_paid_until = self._limits.frames.charge(self._frames_paid_until, now)
        except RateExceeded:
            LIMIT_HITS.labels("messages_per_second").inc()
            raise ProtocolViolated(TOO_MANY_MESSAGES) from None


def _is_empty_pong(data: bytes) -> bool:
    # It is nearly all that idle viewers send, and means nothing, so it is not worth a parser.
    return len(data) == EMPTY_PONG_BYTES and data.startswith(EMPTY_PONG)
