"""A broadcaster that sends the frames of a test."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

CONNECTED = json.dumps(
    {"event": "connected", "data": {"heartbeatSeconds": 25, "tokenExpiresIn": 900}}
)


@contextmanager
def broadcaster(
    *connections: list[str], refusal: dict[str, str] | None = None, awaits_command: bool = False
) -> Iterator[str]:
    """The address of a WebSocket server, which sends the next list of frames to each connection.

    Then it closes the connection. It may await a command of the client before these frames. With a
    refusal, it answers every handshake with 401 and this JSON.
    """
    frames = iter(connections)

    def send_frames(socket: ServerConnection) -> None:
        socket.send(CONNECTED)
        if awaits_command:
            socket.recv()
        for frame in next(frames, []):
            socket.send(frame)

    def refuse(socket: ServerConnection, request: Request) -> Response | None:
        if refusal is None:
            return None
        return socket.respond(HTTPStatus.UNAUTHORIZED, json.dumps(refusal))

    with serve(send_frames, "127.0.0.1", 0, process_request=refuse) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/ws"
        server.shutdown()
        thread.join()


def ranks_of_other_boards() -> list[str]:
    """Ranks on `main` and on `quiz` of all time, then one with score 7 on `quiz` of the week."""
    return [
        rank(9),
        rank(8, board="quiz", period="all"),
        rank(7, board="quiz", period="week"),
    ]


def rank(score: int, **board_period: str) -> str:
    """The event `rank_update`, of `main` unless it names a board."""
    return json.dumps(
        {"event": "rank_update", "data": {"score": score, "rank": 1, "version": 1, **board_period}}
    )
