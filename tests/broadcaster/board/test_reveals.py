"""Viewers of a reveal: each step arrives within a second, and nothing arrives before its step."""

from __future__ import annotations

import json
import re
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from app.contract.standings import moment_text
from app.factory import create_app
from tests.support.broadcaster.boards import Boards, BoardViewer
from tests.support.broadcaster.event_stream import EventStreamClient
from tests.support.broadcaster.harness import BroadcasterHarness
from tests.support.service_acts import OPERATOR

pytestmark = pytest.mark.slow

PLAYERS = 12
"""Some of them are not in the top ten."""
PUBLIC = ("leaderboard?limit=100", "leaderboard.csv?period=week", "history", "history?period=week")
HIDDEN = (100_003, 1_000_003)
"""The points of each player's hidden acts, beside a number of the player's own."""

CONTEST_SECONDS = 10.0
CLOSE = datetime(2036, 12, 24, tzinfo=UTC)


def total(number: int, shown: int) -> int:
    """The score of a player of whom that many hidden acts are shown."""
    return 10 + number + sum(points + number for points in HIDDEN[:shown])


def frames_of_step(
    viewer: BoardViewer, number: int, frames: list[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The data of the next reveal, which comes within a second, and the state of that step."""
    limit = time.monotonic() + 1.0
    reveal, state = None, None
    while reveal is None or state is None:
        seconds = limit - time.monotonic() if reveal is None else CONTEST_SECONDS
        frames.append(str(viewer.connection.recv(max(0.0, seconds))))
        event: dict[str, Any] = json.loads(frames[-1])
        data = event["data"]
        if event["event"] == "reveal":
            reveal = data
        elif event["event"] == "contest" and (data["reveal"] or {}).get("number") == number:
            state = data["reveal"]
    return reveal, state


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
                data, contest = frames_of_step(viewer, number, frames)
                assert stream.next("reveal").data == data
                user_id = data["userId"]
                assert data["fromScore"] == total(numbers[user_id], shown[user_id])
                shown[user_id] += 1
                assert data["toScore"] == total(numbers[user_id], shown[user_id])
                assert (data["board"], data["period"]) == (board, "all")
                assert data["remaining"] == state.remaining == 2 * PLAYERS - number
                assert contest["last"].items() <= data.items()
                following = state.next and state.next.user_id
                assert (contest["next"] and contest["next"]["userId"]) == following
                public = [client.get(f"/api/boards/{board}/{path}").text for path in PUBLIC]
                # As whole numbers, because a version may contain the digits of any score.
                public_words = set(re.findall(r"\w+", " ".join([*frames, *public])))
                assert not public_words & secrets_of(numbers, shown)
                if number == PLAYERS:
                    services.reveals.undo(OPERATOR, board, number)
                    before = await_step(viewer, number - 1)
                    with closing(boards.watch(f"board={board}")) as late:
                        assert late.next("contest")["reveal"] == before
                    services.reveals.reveal(OPERATOR, board, "act", number)
                    assert frames_of_step(viewer, number, frames)[0]["userId"] == user_id
                    stream.next("reveal")
        final = [total(number, 2) for number in reversed(range(PLAYERS))]
        assert board_with(viewer, frames, final[:10])["board"] == board
        assert other.boards_until_pong() == []


def board_with(viewer: BoardViewer, frames: list[str], scores: list[int]) -> Any:
    """The board with these scores: of the frames that were read already, or a later one."""
    for event in map(json.loads, frames):
        if event["event"] == "leaderboard_update":
            data = event["data"]
            if [row["score"] for row in data["leaderboard"]] == scores:
                return data
    return viewer.await_scores(*scores)


def await_step(viewer: BoardViewer, number: int) -> dict[str, Any]:
    """The state of the reveal, as soon as its last step has that number."""
    while True:
        reveal: dict[str, Any] | None = viewer.next("contest")["reveal"]
        if reveal is not None and reveal["number"] == number:
            return reveal


def test_a_change_of_the_times_reaches_viewers_of_the_board_within_seconds(
    broadcaster: BroadcasterHarness,
) -> None:
    services = broadcaster.services
    with closing(Boards(broadcaster)) as boards:
        board = boards.create()
        viewer = boards.watch(f"board={board}")
        services.boards.edit(OPERATOR, board, times={"closes_at": CLOSE})
        contest = viewer.next("contest")
        assert (contest["state"], contest["closesAt"]) == ("open", moment_text(CLOSE))
        assert (contest["board"], contest["period"], contest["reveal"]) == (board, "all", None)
        services.boards.edit(OPERATOR, board, times={"freezes_at": "now"})
        assert viewer.next("contest")["state"] == "frozen"


def secrets_of(numbers: dict[str, int], shown: dict[str, int]) -> set[str]:
    """The scores that no viewer may know yet."""
    known = {str(total(number, shown[user])) for user, number in numbers.items()}
    return {
        str(total(number, step))
        for user, number in numbers.items()
        for step in range(shown[user] + 1, len(HIDDEN) + 1)
    } - known
