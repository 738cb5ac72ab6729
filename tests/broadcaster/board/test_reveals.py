"""Viewers of a reveal: each step arrives within a second, and nothing arrives before its step."""

from __future__ import annotations

import json
import re
import time
from contextlib import closing
from typing import Any

import pytest

from app.factory import create_app
from tests.support.broadcaster.boards import Boards
from tests.support.broadcaster.event_stream import EventStreamClient
from tests.support.broadcaster.harness import BroadcasterHarness
from tests.support.service_acts import OPERATOR

pytestmark = pytest.mark.slow

PLAYERS = 12
"""Some of them are not in the top ten."""
PUBLIC = ("leaderboard?limit=100", "leaderboard.csv?period=week", "history", "history?period=week")
HIDDEN = (100_003, 1_000_003)
"""The points of each player's hidden acts, beside a number of the player's own."""


def total(number: int, shown: int) -> int:
    """The score of a player of whom that many hidden acts are shown."""
    return 10 + number + sum(points + number for points in HIDDEN[:shown])


def frames_until_reveal(viewer: Any, frames: list[str], seconds: float = 1.0) -> dict[str, Any]:
    """The data of the next reveal, and its version's board if there is one in time."""
    limit = time.monotonic() + seconds
    while True:
        frames.append(viewer.connection.recv(max(0.0, limit - time.monotonic())))
        event: dict[str, Any] = json.loads(frames[-1])
        if event["event"] == "reveal":
            found: dict[str, Any] = event["data"]
            return found


def test_each_step_arrives_within_a_second_and_nothing_before(
    broadcaster: BroadcasterHarness,
) -> None:
    services = broadcaster.services
    client = create_app(services).test_client()
    with closing(Boards(broadcaster)) as boards:
        board = boards.create(max_points=10_000_000, periods=("all", "week"))
        people = [broadcaster.register_player() for _ in range(PLAYERS)]
        numbers = {person.user_id: number for number, person in enumerate(people)}
        for number, person in enumerate(people):
            boards.score(person, board, 10 + number)
        services.boards.edit(OPERATOR, board, times={"freezes_at": "now"})
        for points in HIDDEN:
            for number, person in enumerate(people):
                boards.score(person, board, points + number)
        shown = dict.fromkeys(numbers, 0)
        viewer, other = boards.watch(f"board={board}"), boards.watch()
        other.next("leaderboard_update")
        viewer.next("leaderboard_update")
        with closing(EventStreamClient(broadcaster.url, f"board={board}")) as stream:
            assert stream.next().data["leaderboard"]
            for number in range(1, 2 * PLAYERS + 1):
                frames: list[str] = []
                state = services.reveals.reveal(OPERATOR, board, "act", number)
                data = frames_until_reveal(viewer, frames)
                assert stream.next("reveal").data == data
                user_id = data["userId"]
                assert data["fromScore"] == total(numbers[user_id], shown[user_id])
                shown[user_id] += 1
                assert data["toScore"] == total(numbers[user_id], shown[user_id])
                assert (data["board"], data["period"]) == (board, "all")
                assert data["remaining"] == state.remaining == 2 * PLAYERS - number
                public = [client.get(f"/api/boards/{board}/{path}").text for path in PUBLIC]
                # As whole numbers, because a version may contain the digits of any score.
                told = set(re.findall(r"\w+", " ".join([*frames, *public])))
                assert not told & secrets_of(numbers, shown)
                if number == PLAYERS:
                    services.reveals.undo(OPERATOR, board, number)
                    services.reveals.reveal(OPERATOR, board, "act", number)
                    assert frames_until_reveal(viewer, frames)["userId"] == user_id
                    stream.next("reveal")
        final = [total(number, 2) for number in reversed(range(PLAYERS))]
        assert viewer.await_scores(*final[:10])["board"] == board
        assert other.boards_until_pong() == []


def secrets_of(numbers: dict[str, int], shown: dict[str, int]) -> set[str]:
    """The scores that no viewer may know yet."""
    known = {str(total(number, shown[user])) for user, number in numbers.items()}
    return {
        str(total(number, step))
        for user, number in numbers.items()
        for step in range(shown[user] + 1, len(HIDDEN) + 1)
    } - known
