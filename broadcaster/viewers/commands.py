"""Executes the commands that viewers send; app/contract/commands.py lists them."""

from __future__ import annotations

from collections.abc import Callable

import gevent
from gevent.lock import BoundedSemaphore

from app.accounts.viewer_authentication import ViewerAuthentication
from app.contract.commands import Auth, Ping, Watch, WatchMe, parse_command
from app.contract.errors import DomainError
from app.contract.events import ErrorEvent, Pong
from app.contract.messages import MessageInvalid
from broadcaster.metrics import VIEWER_MESSAGES
from broadcaster.viewers.hub import Hub
from broadcaster.viewers.viewer import Viewer
from broadcaster.viewers.websocket import frames

MESSAGE_INVALID = "MESSAGE_INVALID"
_USAGE = 'Send {"type": "ping"}, "watch_me", "watch" with board and period, or "auth" with token'
MAX_CONCURRENT_MOVES = 8
"""Viewers that move to another board at a time; each may read a board from PostgreSQL."""
_PONG = frames.text(Pong().dump())


class ViewerCommands:
    """Executes commands in the event loop; a command that waits gets a greenlet.

    `watch_me` starts the rank updates of a viewer's own user; it must not block. `watch` lets a
    viewer watch a board and a period; it may wait, and raise any DomainError.
    """

    def __init__(
        self,
        authentication: ViewerAuthentication,
        watch_me: Callable[[Viewer], None],
        watch: Callable[[Viewer, Watch], None],
    ) -> None:
        self._authentication = authentication
        self._watch_me = watch_me
        self._watch = watch
        self._renewing: set[Viewer] = set()
        self._moving: dict[Viewer, Watch] = {}
        self._moves = BoundedSemaphore(MAX_CONCURRENT_MOVES)

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
            case Watch():
                self._start_move(viewer, command)
            case Auth(token):
                self._start_renewal(hub, viewer, token)

    def _start_watching(self, viewer: Viewer) -> None:
        if viewer.identity.typ == "display":
            _refuse_invalid(viewer, "A display has no score of its own")
            return
        VIEWER_MESSAGES.labels("watch_me").inc()
        self._watch_me(viewer)

    def _start_move(self, viewer: Viewer, command: Watch) -> None:
        VIEWER_MESSAGES.labels("watch").inc()
        moves = viewer in self._moving
        # If several commands wait, only the last one is carried out.
        self._moving[viewer] = command
        if not moves:
            gevent.spawn(self._move, viewer)

    def _move(self, viewer: Viewer) -> None:
        done: Watch | None = None
        try:
            while (command := self._moving[viewer]) is not done:
                done = command
                try:
                    with self._moves:
                        self._watch(viewer, command)
                except DomainError as error:
                    _refuse(viewer, error.code, error.message)
        finally:
            del self._moving[viewer]

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
