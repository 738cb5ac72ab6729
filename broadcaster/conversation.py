"""What viewers may say: {type: "ping"}, {type: "watch_me"} and {type: "auth", token}."""

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
from broadcaster.personal import PersonalLines
from broadcaster.viewer import Viewer

MESSAGE_INVALID = "MESSAGE_INVALID"
_USABLE = 'Send {"type": "ping"}, {"type": "watch_me"} or {"type": "auth", "token": …}'
_PONG = frames.text(messages.pong())

log = structlog.stdlib.get_logger(__name__)


class Conversation:
    """Answers viewers' messages; called in the event loop, so whatever waits gets a greenlet."""

    def __init__(self, services: Services, personal_lines: PersonalLines) -> None:
        self._services = services
        self._personal_lines = personal_lines
        self._renewing: set[Viewer] = set()

    def answer(self, hub: Hub, viewer: Viewer, text: str) -> None:
        """Do what the message asks; one that can't be used is answered with an error event."""
        match _parsed(text):
            case {"type": "ping"}:
                VIEWER_MESSAGES.labels("ping").inc()
                viewer.tell(_PONG)
            case {"type": "watch_me"} if viewer.identity.typ == "display":
                VIEWER_MESSAGES.labels("invalid").inc()
                _refuse(viewer, MESSAGE_INVALID, "A display has no score of its own")
            case {"type": "watch_me"}:
                VIEWER_MESSAGES.labels("watch_me").inc()
                self._personal_lines.watch(viewer)
            case {"type": "auth", "token": str(token)} if viewer not in self._renewing:
                VIEWER_MESSAGES.labels("auth").inc()
                self._renewing.add(viewer)
                gevent.spawn(self._renew, hub, viewer, token)
            case {"type": "auth", "token": str()}:
                VIEWER_MESSAGES.labels("auth").inc()
                _refuse(viewer, MESSAGE_INVALID, "The token sent before is still being checked")
            case _:
                VIEWER_MESSAGES.labels("invalid").inc()
                _refuse(viewer, MESSAGE_INVALID, _USABLE)

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
