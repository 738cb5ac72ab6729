"""A hub with viewers on socket pairs, in the event loop of the test's own process."""

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

from app.contract.events import LeaderboardUpdate
from app.contract.identity import Identity
from app.contract.standings import MAIN, Board, BoardVersion, OrderKey, Standing
from broadcaster.viewers.audience import Audience
from broadcaster.viewers.encoded_event import EncodedEvent, Encoding
from broadcaster.viewers.heartbeat import Heartbeat
from broadcaster.viewers.hub import Hub
from broadcaster.viewers.limits import Rate, ViewerLimits
from broadcaster.viewers.viewer import Viewer

HEARTBEAT_SECONDS = 25
LIMITS = ViewerLimits(1000, 100, 500, Rate(1000, 1000), 4096, Rate(20, 40))
_BUFFER_BYTES = 4096


def board(version: int) -> EncodedEvent:
    """A board of 5 kB for all viewers, so that a few of them fill a socket's buffer."""
    row = Standing(1, "user", "player", "x" * 5000, 1)
    shown = Board(BoardVersion(version, 0, 0), (row,), (OrderKey(1, 0, 0),), more=False)
    return EncodedEvent(LeaderboardUpdate(shown), version)


def board_frame(version: int) -> bytes:
    """The same as a frame for one viewer."""
    return board(version).bytes_for(Encoding.WEBSOCKET)


@dataclass
class Peer:
    """The client's end of a viewer's socket."""

    sock: socket.socket
    viewer: Viewer

    def discard_received(self) -> None:
        """Read and discard what the kernel holds now."""
        with suppress(BlockingIOError):
            while self.sock.recv(65536):
                pass

    def read(self) -> list[dict[str, Any]]:
        """All events until nothing arrives for 20 ms; asserts that each frame is whole and valid.

        Control frames are {"event": "PING"} and {"event": "CLOSE", "code": ...}.
        """
        connection, text, events = Connection(ConnectionType.CLIENT), "", []
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
                    events.append(json.loads(text))
                    text = ""
            elif isinstance(event, CloseConnection):
                assert connection.state is ConnectionState.REMOTE_CLOSING
                events.append({"event": "CLOSE", "code": event.code})
            elif isinstance(event, Ping):
                events.append({"event": "PING"})
        assert not text
        return events


class InProcessHub:
    """A hub that has broadcast a first board; `messages` are the texts that viewers sent."""

    def __init__(self, limits: ViewerLimits = LIMITS) -> None:
        self.messages: list[str] = []
        self.hub = Hub(
            HEARTBEAT_SECONDS, limits, lambda hub, viewer, text: self.messages.append(text)
        )
        self.audience = Audience(MAIN, lambda audience: None)
        self.audience.broadcast(board(1))
        self._heartbeat = Heartbeat(self.hub, HEARTBEAT_SECONDS)
        self._stack = ExitStack()

    def join(
        self,
        user: str = "u",
        session: str = "s",
        expires_in: int = 900,
        address: str = "192.0.2.1",
        audience: Audience | None = None,
    ) -> Peer:
        """Add a viewer of that user's session, on a socket with small buffers.

        It watches `main` unless another audience is given.
        """
        ours, theirs = socket.socketpair()
        for each in (ours, theirs):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
            each.setblocking(False)
        self._stack.enter_context(theirs)
        before = set(self.hub.viewers())
        identity = Identity(user, session, "t", int(time.time()) + expires_in)
        watched = self.audience if audience is None else audience
        self.hub.join(ours, identity, address, b"", watched)
        (viewer,) = set(self.hub.viewers()) - before
        assert isinstance(viewer, Viewer)
        return Peer(theirs, viewer)

    def check_after(self, peer: Peer, seconds: float) -> None:
        """Let the heartbeat check the viewer as if that time had passed."""
        self._heartbeat.check(peer.viewer, time.monotonic() + seconds, time.time() + seconds)

    def close(self) -> None:
        """Drop all viewers."""
        for viewer in self.hub.viewers():
            viewer.drop()
        self._stack.close()
