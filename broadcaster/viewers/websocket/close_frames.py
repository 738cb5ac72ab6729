"""The last frames that a viewer gets: the disconnect event and the close frame."""

from __future__ import annotations

from app.contract.viewers.close_codes import CloseKind
from broadcaster.viewers.websocket import frames


def close_frames(kind: CloseKind) -> bytes:
    """The disconnect event and the close frame for one viewer."""
    return frames.text(kind.disconnect_event().dump()) + frames.close(kind.code, kind.reason)
