"""A ban, its end, a rename and a deletion are on every board of the player within a second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from app.boards.board import BoardSettings
from app.contract.standings import BoardPeriod
from app.leaderboard.rankings import ranking_of
from tests.support.api_harness import ApiHarness
from tests.support.rank_index import is_indexed
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.service_acts import OPERATOR, act_id
from tests.support.services import Services, services_in
from tests.support.system.player import Player
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

BOARDS = ("first-quiz", "second-quiz")
WATCHED = [BoardPeriod(board, kind) for board in BOARDS for kind in ("all", "week")]


@pytest.fixture
def system(postgres: DatabaseServer, tmp_path: Path) -> Iterator[ApiHarness]:
    """Two API processes."""
    with redis_server(tmp_path) as server:
        stores = Stores(postgres.create(), server.url)
        with ApiHarness(stores, tmp_path, web_processes=2) as running:
            yield running


@pytest.fixture
def moderator(system: ApiHarness) -> Iterator[Services]:
    """The services of an operator's command."""
    with services_in(system.environment()) as services:
        yield services


def names_on(url: str, watched: BoardPeriod) -> dict[str, str]:
    """The display names on a board as that API process shows it, by user id."""
    address = f"{url}/api/boards/{watched.board}/leaderboard?period={watched.period}"
    rows = requests.get(address, timeout=5).json()["leaderboard"]
    return {row["userId"]: row["displayName"] for row in rows}


def score_on_every_board(system: ApiHarness, moderator: Services, *players: Player) -> None:
    """Create the boards, score on them, and wait until the index of each is complete."""
    boards = [
        moderator.boards.create(
            OPERATOR, BoardSettings(key, "Quiz", max_points=9, periods=("all", "week"))
        )
        for key in BOARDS
    ]
    key = moderator.service_keys.create(OPERATOR, "judge", BOARDS, None)
    acts = [
        {"id": act_id(), "userId": player.user_id, "board": board, "points": 5}
        for player in players
        for board in BOARDS
    ]
    reply = requests.post(
        f"{system.url}/api/service/scores",
        json={"scores": acts},
        headers={"Authorization": f"Bearer {key.text}"},
        timeout=5,
    )
    assert {result["status"] for result in reply.json()["results"]} == {"counted"}
    for watched in WATCHED:
        names_on(system.url, watched)
    rankings = [
        ranking_of(board, moderator.standings.period(board, kind, None))
        for board in boards
        for kind in board.settings.periods
    ]
    await_true(lambda: is_indexed(moderator, *rankings), 30)


def test_moderation_reaches_every_board_of_the_player_within_a_second(
    system: ApiHarness, moderator: Services
) -> None:
    player, other = system.register("Before"), system.register("Other")
    score_on_every_board(system, moderator, player, other)
    both = {player.user_id: "Before", other.user_id: "Other"}
    alone = {other.user_id: "Other"}
    renamed = both | {player.user_id: "After"}

    def await_on_every_board(expected: dict[str, str]) -> None:
        limit = time.monotonic() + 1
        for url in system.urls:
            for watched in WATCHED:
                await_true(
                    lambda: names_on(url, watched) == expected,  # noqa: B023 - called at once
                    limit - time.monotonic(),
                )

    await_on_every_board(both)
    moderator.moderation.ban(OPERATOR, player.user_id)
    await_on_every_board(alone)
    moderator.moderation.unban(OPERATOR, player.user_id)
    await_on_every_board(both)
    moderator.moderation.rename(OPERATOR, player.user_id, display_name="After", username=None)
    await_on_every_board(renamed)
    moderator.moderation.delete(OPERATOR, player.user_id)
    await_on_every_board(alone)
