"""A hub and viewers on socket pairs, in this process's event loop."""

from __future__ import annotations

import json
import socket
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import gevent
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import CloseConnection, Ping, TextMessage

from app.contract.identity import Identity
from broadcaster import frames
from broadcaster.heartbeat import Heartbeat
from broadcaster.hub import Hub
from broadcaster.limits import Rate, ViewerLimits
from broadcaster.viewer import Viewer

HEARTBEAT_SECONDS = 25
LIMITS = ViewerLimits(1000, 100, 500, Rate(1000, 1000), 4096, Rate(20, 40))


def board(version: int) -> bytes:
    """A board frame of 5 kB, so that a few fill a small buffer."""
    return frames.text(json.dumps({"event": "board", "version": version, "rows": "x" * 5000}))


@dataclass
class Peer:
    """The other end of a viewer's socket."""

    sock: socket.socket
    viewer: Viewer

    def drain(self) -> None:
        """Take what the kernel holds, and no more."""
        with suppress(BlockingIOError):
            while self.sock.recv(65536):
                pass

    def read(self) -> list[dict[str, Any]]:
        """All that is sent until nothing comes for a moment; whole and valid frames only."""
        connection, text, come = Connection(ConnectionType.CLIENT), "", []
        for _ in range(10):
            gevent.sleep(0.002)
            try:
                while data := self.sock.recv(65536):
                    connection.receive_data(data)
                    gevent.sleep(0)
            except BlockingIOError:
                continue
        for event in connection.events():
            if isinstance(event, TextMessage):
                text += event.data
                if event.message_finished:
                    come.append(json.loads(text))
                    text = ""
            elif isinstance(event, CloseConnection):
                assert connection.state is ConnectionState.REMOTE_CLOSING
                come.append({"event": "CLOSE", "code": event.code})
            elif isinstance(event, Ping):
                come.append({"event": "PING"})
        assert not text
        return come


class Ground:
    """A hub with a first board, and what its viewers said."""

    def __init__(self, limits: ViewerLimits = LIMITS) -> None:
        self.heard: list[str] = []
        self.hub = Hub(HEARTBEAT_SECONDS, limits, lambda hub, viewer, text: self.heard.append(text))
        self.hub.broadcast(board(1))
        self.heartbeat = Heartbeat(self.hub, HEARTBEAT_SECONDS)
        self._stack = ExitStack()

    def join(
        self,
        user: str = "u",
        session: str = "s",
        expires_in: int = 900,
        address: str = "192.0.2.1",
    ) -> Peer:
        """A viewer of that user's session, whose socket holds little."""
        ours, theirs = socket.socketpair()
        for each in (ours, theirs):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            each.setblocking(False)
        self._stack.enter_context(theirs)
        before = set(self.hub.viewers())
        identity = Identity(user, session, "t", int(time.time()) + expires_in)
        self.hub.join(ours, identity, address, b"")
        (viewer,) = set(self.hub.viewers()) - before
        return Peer(theirs, viewer)

    def later(self, peer: Peer, seconds: float) -> None:
        """What the heartbeat does to the viewer so much later."""
        self.heartbeat.look_after(peer.viewer, time.monotonic() + seconds, time.time() + seconds)

    def close(self) -> None:
        for viewer in self.hub.viewers():
            viewer.drop()
        self._stack.close()
