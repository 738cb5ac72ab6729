"""Turns the bytes of one viewer into messages, within the limits of size and rate."""

from __future__ import annotations

from collections.abc import Iterator

from wsproto.events import Event

from app.contract.viewers.close_codes import TOO_MANY_MESSAGES
from broadcaster.metrics import LIMIT_HITS
from broadcaster.viewers.limits import RateExceeded, ViewerLimits
from broadcaster.viewers.websocket.frame_reader import FrameReader, ProtocolViolated


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
        frame_reader = self._frame_reader or FrameReader(
            self._limits.message_bytes, inflates=self._inflates
        )
        try:
            for event in frame_reader.read(data):
                self._charge_frame(now)
                if event is not None:
                    yield event
        except ProtocolViolated:
            self.stop()
            raise
        self._frame_reader = None if frame_reader.between_messages else frame_reader

    def stop(self) -> None:
        """Ignore all bytes that follow: after a violation or a close frame they mean nothing."""
        self._stopped = True
        self._frame_reader = None

    def _charge_frame(self, now: float) -> None:
        try:
            self._frames_paid_until = self._limits.frames.charge(self._frames_paid_until, now)
        except RateExceeded:
            LIMIT_HITS.labels("messages_per_second").inc()
            raise ProtocolViolated(TOO_MANY_MESSAGES) from None
