"""Boards of all kinds, acts that score on them, and viewers that watch them."""

from __future__ import annotations

import json
import secrets
import time
from contextlib import ExitStack
from typing import Any

from websockets.sync.client import ClientConnection

from app.contract import keys
from tests.support.broadcaster.harness import BroadcasterHarness
from tests.support.players import Person
from tests.support.service_acts import act, count, create_board


class BoardViewer:
    """A viewer that reads the events which a test waits for."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def close(self) -> None:
        self.connection.close()

    def send(self, **command: Any) -> None:
        self.connection.send(json.dumps(command))

    def next(self, name: str, seconds: float = 10.0) -> Any:
        """The data of the next event of that name, which has to arrive in time."""
        limit = time.monotonic() + seconds
        while True:
            event = json.loads(self.connection.recv(max(0.0, limit - time.monotonic())))
            if event["event"] == name:
                return event["data"]

    def await_scores(self, *scores: int, seconds: float = 10.0) -> Any:
        """The next board with these scores from the top; the versions never decrease."""
        limit = time.monotonic() + seconds
        version = 0
        while True:
            data = self.next("leaderboard_update", limit - time.monotonic())
            assert data["version"] > version
            version = data["version"]
            if [row["score"] for row in data["leaderboard"]] == list(scores):
                return data

    def boards_until_pong(self) -> list[dict[str, Any]]:
        """The boards that come before the reply to a ping."""
        self.send(type="ping")
        boards = []
        while (event := json.loads(self.connection.recv(10))) != {"event": "pong"}:
            if event["event"] == "leaderboard_update":
                boards.append(event["data"])
        return boards


class Boards:
    """A broadcaster, and boards with keys of their own."""

    def __init__(self, broadcaster: BroadcasterHarness) -> None:
        self.broadcaster = broadcaster
        self.services = broadcaster.services
        self._stack = ExitStack()

    def create(self, **settings: Any) -> str:
        """The key of a new board."""
        key = f"b-{secrets.token_hex(4)}"
        create_board(self.services, key, **settings)
        return key

    def score(self, person: Person, board: str, points: int) -> None:
        (answer,) = count(self.services, act(person, points, board), boards=(board,))
        assert answer["status"] == "counted", answer

    def watch(self, query: str = "", person: Person | None = None) -> BoardViewer:
        connection = self.broadcaster.connect_viewer(person, query=query)
        return BoardViewer(self._stack.enter_context(connection))

    def subscribers(self, board: str, period: str = "all") -> int:
        """How many broadcasters receive the messages of that board."""
        channel = f"{keys.SCORE_UPDATE}:{board}:{period}"
        ((_, number),) = self.services.redis.pubsub_numsub(channel)
        return int(number)

    def close(self) -> None:
        self._stack.close()
