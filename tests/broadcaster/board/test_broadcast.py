"""When a board is read, and when it follows from the messages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from unittest.mock import Mock, patch

import pytest

from app.contract.channels import ScoreUpdate
from app.contract.standings import Board, BoardPeriod, BoardVersion, OrderKey, Standing
from app.contract.viewers.board_delta import BoardDelta, RowChange, board_after
from broadcaster.board.broadcast import MAX_DELTAS, REREAD_SECONDS, BoardBroadcast
from broadcaster.viewers.audience import Audience

QUIZ = BoardPeriod("quiz", "all")


class StubRankings:
    """A board of one player whose score is the version; `version` is what a read finds."""

    def __init__(self) -> None:
        self.version = 1
        self.reads = 0

    def top(self, _watched: BoardPeriod, _version: int) -> Board:
        self.reads += 1
        row = Standing(1, "ada", "ada", "Ada", self.version)
        key = OrderKey(self.version, self.version, 1)
        return Board(BoardVersion(self.version, 0, 0), (row,), (key,), more=False)

    def follow(
        self, _watched: BoardPeriod, board: Board, deltas: Sequence[BoardDelta]
    ) -> Board | None:
        return board_after(board, deltas, int)


def change(version: int) -> ScoreUpdate:
    row = RowChange("ada", version, version, "ada", "Ada")
    return ScoreUpdate(version, (), BoardDelta(version - 1, BoardVersion(version, 0, 0), (row,)))


@pytest.fixture
def rankings() -> StubRankings:
    return StubRankings()


@pytest.fixture
def broadcast(rankings: StubRankings) -> BoardBroadcast:
    broadcast = BoardBroadcast(Mock(rankings=rankings), Audience(QUIZ, Mock()))
    assert broadcast.read(1).rows[0].score == 1
    return broadcast


def announce(rankings: StubRankings, broadcast: BoardBroadcast, *versions: int) -> None:
    for version in versions:
        rankings.version = version
        broadcast.note(change(version))


def test_a_board_is_not_read_if_the_messages_contain_all_that_changed(
    rankings: StubRankings, broadcast: BoardBroadcast
) -> None:
    announce(rankings, broadcast, 2, 3)
    assert broadcast.read(3).rows[0].score == 3
    announce(rankings, broadcast, 4)
    assert broadcast.read(4).rows[0].score == 4
    assert rankings.reads == 1


def test_a_board_is_read_after_a_change_that_no_message_describes(
    rankings: StubRankings, broadcast: BoardBroadcast
) -> None:
    announce(rankings, broadcast, 2)
    rankings.version = 3
    broadcast.note(ScoreUpdate(3))
    assert broadcast.read(3).rows[0].score == 3
    assert rankings.reads == 2
    announce(rankings, broadcast, 4)
    assert broadcast.read(4).rows[0].score == 4
    assert rankings.reads == 2


def test_a_board_is_read_after_messages_may_have_been_lost(
    rankings: StubRankings, broadcast: BoardBroadcast
) -> None:
    announce(rankings, broadcast, 2)
    rankings.version = 3
    broadcast.on_messages_lost()
    assert broadcast.read(2).rows[0].score == 3


def test_a_board_is_read_every_two_seconds_although_the_messages_contain_all_that_changed(
    rankings: StubRankings, broadcast: BoardBroadcast
) -> None:
    later = Mock(monotonic=Mock(return_value=time.monotonic() + REREAD_SECONDS))
    with patch("broadcaster.board.broadcast.time", later):
        announce(rankings, broadcast, 2)
        broadcast.read(2)
    assert rankings.reads == 2


def test_a_board_is_read_after_more_changes_than_are_stored(
    rankings: StubRankings, broadcast: BoardBroadcast
) -> None:
    announce(rankings, broadcast, *range(2, MAX_DELTAS + 3))
    assert broadcast.read(rankings.version).rows[0].score == rankings.version
    assert rankings.reads == 2
