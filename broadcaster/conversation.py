"""What viewers may say: {type: "ping"} and {type: "auth", token}."""

from __future__ import annotations

import json
from typing import Any

import gevent
import structlog

from app.composition import Services
from app.contract import messages
from app.contract.errors import DomainError
from broadcaster import frames
from broadcaster.hub import Hub
from broadcaster.metrics import VIEWER_MESSAGES
from broadcaster.viewer import Viewer

MESSAGE_INVALID = "MESSAGE_INVALID"
_PONG = frames.text(messages.pong())

log = structlog.stdlib.get_logger(__name__)


class Conversation:
    """Answers viewers' messages; called in the event loop, so whatever waits gets a greenlet."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._renewing: set[Viewer] = set()

    def answer(self, hub: Hub, viewer: Viewer, text: str) -> None:
        """Do what the message asks; one that can't be used is answered with an error event."""
        match _parsed(text):
            case {"type": "ping"}:
                VIEWER_MESSAGES.labels("ping").inc()
                viewer.tell(_PONG)
            case {"type": "auth", "token": str(token)} if viewer not in self._renewing:
                VIEWER_MESSAGES.labels("auth").inc()
                self._renewing.add(viewer)
                gevent.spawn(self._renew, hub, viewer, token)
            case {"type": "auth", "token": str()}:
                VIEWER_MESSAGES.labels("auth").inc()
                _refuse(viewer, MESSAGE_INVALID, "The token sent before is still being checked")
            case _:
                VIEWER_MESSAGES.labels("invalid").inc()
                _refuse(viewer, MESSAGE_INVALID, 'Send {"type": "ping"} or {"type": "auth", …}')

    def _renew(self, hub: Hub, viewer: Viewer, token: str) -> None:
        """Let the viewer go on past its token's expiry; a bad token leaves all as it is."""
        try:
            identity = self._services.watching.renew(viewer.identity, token)
        except DomainError as error:
            _refuse(viewer, error.code, error.message)
        else:
            hub.renew(viewer, identity)
        finally:
            self._renewing.discard(viewer)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _refuse(viewer: Viewer, code: str, message: str) -> None:
    viewer.tell(frames.text(messages.error(code, message)))
