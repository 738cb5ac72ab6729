"""A viewer that sends the bytes of a case, and what the broadcaster has to answer."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wsproto.extensions import Extension

from tests.support.broadcaster.frames import (
    CLOSE,
    CONTINUATION,
    TEXT,
    RawViewer,
    frame,
    raw_viewer,
)

HELLO = b"Hello, world!"
PING_COMMAND = b'{"type": "ping"}'
NORMAL, PROTOCOL_ERROR, INVALID_TEXT, POLICY, TOO_BIG = 1000, 1002, 1007, 1008, 1009
"""Close codes (RFC 6455, section 7.4.1)."""
UNPROMPTED = {"connected", "leaderboard_update", "disconnect", "PING"}
"""Events that are not the answer to what a viewer sent."""


@dataclass(frozen=True)
class Case:
    """What a viewer sends, each item at once, and the answers in their order."""

    sent: Sequence[bytes]
    answers: Sequence[str | bytes] = ()
    """The name of an event, or the payload of a pong frame."""
    code: int | None = None
    """With which the broadcaster closes; None: the viewer closes at the end, with 1000."""


class Conversation:
    """Opens a new connection for each case."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._token = token

    def check(
        self, case: Case, *, headers: str = "", extensions: Sequence[Extension] = ()
    ) -> RawViewer:
        """Assert that the broadcaster answers as the case says; returns the viewer."""
        with raw_viewer(self._port, self._token, headers=headers, extensions=extensions) as viewer:
            try:
                for part in case.sent:
                    viewer.send(part)
                if case.code is None:
                    viewer.send(close_frame(NORMAL))
            except ConnectionError:
                # The broadcaster has closed the connection already; its code is read below.
                pass
            answers = list(_answers(viewer))
            assert answers == list(case.answers)
            assert viewer.closed_with == (NORMAL if case.code is None else case.code)
            return viewer


def _answers(viewer: RawViewer) -> Iterator[str | bytes]:
    for event in viewer.events():
        if event["event"] == "PONG":
            yield event["data"]
        elif event["event"] not in UNPROMPTED:
            yield event["event"]


def close_frame(code: int, reason: bytes = b"") -> bytes:
    """A close frame."""
    return frame(CLOSE, struct.pack("!H", code) + reason)


def chopped(data: bytes, size: int = 1) -> list[bytes]:
    """The bytes in parts, of which each is sent alone."""
    return [data[start : start + size] for start in range(0, len(data), size)]


def fragments(*payloads: bytes) -> list[bytes]:
    """The frames of one text message."""
    last = len(payloads) - 1
    return [
        frame(CONTINUATION if number else TEXT, payload, final=number == last)
        for number, payload in enumerate(payloads)
    ]
