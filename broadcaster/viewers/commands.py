"""Executes the commands that viewers send; app/contract/commands.py lists them."""

from __future__ import annotations

from collections.abc import Callable

import gevent

from app.accounts.viewer_authentication import ViewerAuthentication
from app.contract.commands import Auth, Ping, WatchMe, parse_command
from app.contract.errors import DomainError
from app.contract.events import ErrorEvent, Pong
from app.contract.messages import MessageInvalid
from broadcaster.metrics import VIEWER_MESSAGES
from broadcaster.viewers import frames
from broadcaster.viewers.hub import Hub
from broadcaster.viewers.viewer import Viewer

MESSAGE_INVALID = "MESSAGE_INVALID"
_USAGE = 'Send {"type": "ping"}, {"type": "watch_me"} or {"type": "auth", "token": …}'
_PONG = frames.text(Pong().dump())


class ViewerCommands:
    """Executes commands in the event loop; a command that waits gets a greenlet.

    `watch` starts the rank updates of a viewer's own user; it must not block.
    """

    def __init__(
        self, authentication: ViewerAuthentication, watch: Callable[[Viewer], None]
    ) -> None:
        self._authentication = authentication
        self._watch = watch
        self._renewing: set[Viewer] = set()

    def execute(self, hub: Hub, viewer: Viewer, text: str) -> None:
        """Execute the command in a text message; answer an error event if it is refused."""
        try:
            command = parse_command(text)
        except MessageInvalid:
            _refuse_invalid(viewer, _USAGE)
            return
        match command:
            case Ping():
                VIEWER_MESSAGES.labels("ping").inc()
                viewer.send(_PONG)
            case WatchMe():
                self._start_watching(viewer)
            case Auth(token):
                self._start_renewal(hub, viewer, token)

    def _start_watching(self, viewer: Viewer) -> None:
        if viewer.identity.typ == "display":
            _refuse_invalid(viewer, "A display has no score of its own")
            return
        VIEWER_MESSAGES.labels("watch_me").inc()
        self._watch(viewer)

    def _start_renewal(self, hub: Hub, viewer: Viewer, token: str) -> None:
        VIEWER_MESSAGES.labels("auth").inc()
        if viewer in self._renewing:
            _refuse(viewer, MESSAGE_INVALID, "The token sent before is still being checked")
            return
        self._renewing.add(viewer)
        gevent.spawn(self._renew, hub, viewer, token)

    def _renew(self, hub: Hub, viewer: Viewer, token: str) -> None:
        """Replace the viewer's identity by the token's; a refused token changes nothing."""
        try:
            identity = self._authentication.renew(viewer.identity, token)
        except DomainError as error:
            _refuse(viewer, error.code, error.message)
        else:
            hub.renew(viewer, identity)
        finally:
            self._renewing.discard(viewer)


def _refuse_invalid(viewer: Viewer, message: str) -> None:
    VIEWER_MESSAGES.labels("invalid").inc()
    _refuse(viewer, MESSAGE_INVALID, message)


def _refuse(viewer: Viewer, code: str, message: str) -> None:
    viewer.send(frames.text(ErrorEvent(code, message).dump()))
