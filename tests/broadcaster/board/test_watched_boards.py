"""Viewers of any board and period: each gets the frames of its own board, and no others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import redis
import requests
from sqlalchemy import text

from app.contract import keys
from tests.support.broadcaster.boards import Boards
from tests.support.broadcaster.harness import BroadcasterHarness
from tests.support.service_acts import OPERATOR
from tests.support.waiting import await_true
from tools.local.embedded import EmbeddedValkey

pytestmark = pytest.mark.slow


@pytest.fixture
def boards(broadcaster: BroadcasterHarness) -> Iterator[Boards]:
    with closing(Boards(broadcaster)) as made:
        yield made


def test_each_viewer_gets_the_changes_of_its_own_board_within_a_second(boards: Boards) -> None:
    one, other = boards.create(), boards.create(periods=("all", "day"))
    person = boards.broadcaster.register_player()
    viewers = {
        board: boards.watch(f"board={board[0]}&period={board[1]}")
        for board in ((one, "all"), (other, "all"), (other, "day"))
    }
    main = boards.watch()
    for (board, period), viewer in viewers.items():
        named = {"board": board, "period": period}
        assert viewer.next("connected").items() >= named.items()
        assert viewer.await_scores().items() >= named.items()
    boards.score(person, one, 7)
    data = viewers[one, "all"].await_scores(7, seconds=1)
    assert data["leaderboard"][0]["userId"] == person.user_id
    boards.score(person, other, 30)
    for period in ("all", "day"):
        viewers[other, period].await_scores(30, seconds=1)
    assert viewers[one, "all"].boards_until_pong() == []
    assert "board" not in main.next("connected")
    assert "board" not in main.next("leaderboard_update")


def test_a_board_alone_is_watched_in_its_first_period(boards: Boards) -> None:
    board = boards.create(periods=("week", "all"))
    assert boards.watch(f"board={board}").next("connected")["period"] == "week"


@pytest.mark.parametrize(
    "query", ["board=no-such-board", "board=%00", "board=main&period=era", "period=day", "board="]
)
def test_a_handshake_for_an_unknown_board_or_period_is_answered_404(
    broadcaster: BroadcasterHarness, query: str
) -> None:
    token = broadcaster.access_token(broadcaster.register_player())
    reply = broadcaster.request_handshake(token, query=query)
    assert (reply.status_code, reply.json()["code"]) == (404, "NOT_FOUND")


def test_a_viewer_moves_to_another_board_and_back(boards: Boards) -> None:
    board = boards.create(periods=("all", "week"))
    person = boards.broadcaster.register_player()
    boards.score(person, board, 5)
    viewer = boards.watch()
    viewer.next("leaderboard_update")
    viewer.send(type="watch", board=board, period="week")
    assert viewer.next("leaderboard_update")["period"] == "week"
    boards.score(person, board, 5)
    assert viewer.await_scores(10)["board"] == board
    viewer.send(type="watch", board="main")
    assert "board" not in viewer.next("leaderboard_update")
    boards.score(person, board, 5)
    await_true(lambda: boards.subscribers(board, "week") == 0, 10)
    assert all("board" not in board for board in viewer.boards_until_pong())


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ({"board": "no-such-board"}, "NOT_FOUND"),
        ({"board": "main", "period": "era"}, "NOT_FOUND"),
        ({"board": 7}, "MESSAGE_INVALID"),
        ({"period": ["day"]}, "MESSAGE_INVALID"),
    ],
)
def test_a_refused_command_changes_nothing(
    boards: Boards, command: dict[str, Any], code: str
) -> None:
    board = boards.create()
    viewer = boards.watch(f"board={board}")
    viewer.send(type="watch", **command)
    assert viewer.next("error")["code"] == code
    boards.score(boards.broadcaster.register_player(), board, 3)
    assert viewer.await_scores(3)["board"] == board


def test_the_last_of_several_commands_counts(boards: Boards) -> None:
    keys_of_boards = [boards.create() for _ in range(5)]
    viewer = boards.watch()
    for board in keys_of_boards:
        viewer.send(type="watch", board=board)
    while viewer.next("leaderboard_update").get("board") != keys_of_boards[-1]:
        pass
    await_true(lambda: sum(map(boards.subscribers, keys_of_boards)) == 1, 10)
    assert boards.subscribers(keys_of_boards[-1]) == 1


def test_a_board_that_its_last_viewer_left_costs_no_message_and_no_read(
    own_broadcaster: BroadcasterHarness,
) -> None:
    boards = Boards(own_broadcaster)
    board = boards.create()
    with closing(boards):
        first, second = (boards.watch(f"board={board}") for _ in range(2))
        for viewer in (first, second):
            viewer.next("leaderboard_update")
        part = f'{{part="board {board}/all"}}'
        progress = f"scoreboard_background_progress_timestamp_seconds{part}"
        assert own_broadcaster.metric(progress) > 0
        await_true(lambda: boards.subscribers(board) == 1, 10)
        first.close()
        boards.score(own_broadcaster.register_player(), board, 4)
        second.await_scores(4, seconds=1)
        second.close()
        await_true(lambda: boards.subscribers(board) == 0, 10)
        await_true(lambda: own_broadcaster.metric(progress) == 0, 10)
        # A read notes the ranking as used, at least once in five seconds.
        boards.services.redis.delete(keys.USED_RANKINGS)
        time.sleep(6)
        assert boards.services.redis.exists(keys.USED_RANKINGS) == 0
        # It starts again with the next viewer.
        boards.watch(f"board={board}").await_scores(4, seconds=1)
    # A handshake that fails leaves nothing behind either.
    await_true(lambda: boards.subscribers(board) == 0, 10)


def test_requests_that_do_not_become_viewers_leave_no_board_watched(boards: Boards) -> None:
    board = boards.create()
    url = f"{boards.broadcaster.url}/stream?board={board}"
    assert requests.head(url, timeout=5).status_code == 200
    await_true(lambda: boards.subscribers(board) == 0, 3)


def test_rank_updates_follow_the_watched_board(boards: Boards) -> None:
    board = boards.create(better="low", combine="best")
    person, rival = (boards.broadcaster.register_player() for _ in range(2))
    boards.score(person, board, 50)
    boards.services.reconciler.run_pass()
    viewer = boards.watch(person=person)
    viewer.send(type="watch_me")
    assert "board" not in viewer.next("rank_update", 10)
    viewer.send(type="watch", board=board)
    mine = viewer.next("rank_update")
    assert mine.items() >= {"score": 50, "rank": 1, "board": board, "period": "all"}.items()
    boards.score(rival, board, 40)
    assert viewer.next("rank_update")["rank"] == 2
    viewer.send(type="watch")
    assert "board" not in viewer.next("rank_update")


def test_a_ban_on_another_board_reaches_its_screens_within_a_second(boards: Boards) -> None:
    board = boards.create()
    cheater, honest = (boards.broadcaster.register_player() for _ in range(2))
    boards.score(cheater, board, 900)
    boards.score(honest, board, 10)
    watching, cheating = boards.watch(f"board={board}"), boards.watch(f"board={board}", cheater)
    watching.await_scores(900, 10)
    boards.services.moderation.ban(OPERATOR, cheater.user_id)
    watching.await_scores(10, seconds=1)
    assert cheating.next("disconnect")["reason"] == "banned"


def test_a_viewer_of_the_day_sees_the_new_day_within_seconds(boards: Boards) -> None:
    board = boards.create(periods=("day",), time_zone="Etc/GMT+12")
    person = boards.broadcaster.register_player()
    viewer = boards.watch(f"board={board}")
    boards.score(person, board, 5)
    before = viewer.await_scores(5)
    # The same moment is on a later day there: what the clock does to a board at midnight.
    with boards.services.connections.database.transaction() as connection:
        connection.execute(
            text("UPDATE boards SET time_zone = 'Pacific/Kiritimati' WHERE key = :key"),
            {"key": board},
        )
    after = viewer.await_scores(seconds=5)
    assert after["version"] > before["version"]
    boards.score(person, board, 2)
    assert viewer.await_scores(2, seconds=1)["version"] > after["version"]


def test_viewers_of_an_archived_board_keep_its_final_board(boards: Boards) -> None:
    board = boards.create()
    boards.score(boards.broadcaster.register_player(), board, 8)
    viewer = boards.watch(f"board={board}")
    viewer.await_scores(8)
    boards.services.boards.archive(OPERATOR, board)
    assert viewer.boards_until_pong() == []
    boards.watch(f"board={board}").await_scores(8)


def test_watched_boards_are_read_and_subscribed_to_again_after_redis_restarted(
    own_broadcaster: BroadcasterHarness, own_valkey: EmbeddedValkey
) -> None:
    with closing(Boards(own_broadcaster)) as boards:
        board = boards.create()
        person = own_broadcaster.register_player()
        viewer = boards.watch(f"board={board}")
        viewer.next("leaderboard_update")
        own_valkey.kill()
        # Counted while no broadcaster can hear of it.
        boards.score(person, board, 6)
        own_valkey.start()
        viewer.await_scores(6, seconds=10)
        # The circuit of this process is open for half a second; then a call closes it.
        await_true(lambda: is_reachable(boards.services.redis), 10)
        await_true(lambda: boards.subscribers(board) == 1, 10)
        boards.score(person, board, 6)
        viewer.await_scores(12, seconds=1)


def is_reachable(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
