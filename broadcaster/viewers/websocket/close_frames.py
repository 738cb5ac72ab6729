"""The last frames that a viewer gets: the disconnect event and the close frame."""

from __future__ import annotations

import random

from app.contract.events import Disconnect
from app.contract.viewers.close_codes import CloseKind
from broadcaster.viewers.websocket import frames


def close_frames(kind: CloseKind) -> bytes:
    """The disconnect event and the close frame, with a random delay for this viewer."""
    delay_ms = None
    if kind.reconnect_range_ms:
        # Random, so that viewers that were closed together don't reconnect together.
        delay_ms = random.randint(*kind.reconnect_range_ms)  # noqa: S311 - jitter
    event = Disconnect(kind.reason, delay_ms, kind.ban).dump()
    return frames.text(event) + frames.close(kind.code, kind.reason)
