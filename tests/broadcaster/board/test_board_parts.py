"""Each watched board is a background part of its own, as long as it is watched."""

from __future__ import annotations

import time
from unittest.mock import Mock, call, patch

import gevent
import pytest
from gevent.event import Event
from prometheus_client import REGISTRY

from app.alerting.background_parts import BackgroundParts
from app.contract.channels import ScoreUpdate
from app.contract.standings import Board, BoardPeriod, BoardVersion
from broadcaster.board.broadcast_budget import BroadcastBudget
from broadcaster.board.coalescer import Coalescer
from broadcaster.board.rank_updates import RankUpdates
from broadcaster.board.watched_boards import WatchedBoards
from tests.support.broadcaster.greenlets import await_greenlets

pytestmark = pytest.mark.slow

QUIZ = BoardPeriod("quiz", "week")
PART = "board quiz/week"


class StubRankings:
    """Rankings whose second read hangs until `released` is set."""

    def __init__(self) -> None:
        self.reads = 0
        self.released = Event()

    def top(self, watched: BoardPeriod, version: int) -> Board:
        self.reads += 1
        if self.reads > 1:
            self.released.wait()
        return Board(BoardVersion(self.reads, 0, 0), (), (), more=False)


def progress() -> float | None:
    return REGISTRY.get_sample_value(
        "scoreboard_background_progress_timestamp_seconds", {"part": PART}
    )


def test_a_board_whose_read_hangs_is_a_dead_part_until_its_last_viewer_has_left() -> None:
    parts, rankings, listener = BackgroundParts(), StubRankings(), Mock()
    services = Mock(parts=parts, rankings=rankings)
    services.settings.broadcast_interval_ms = 10
    boards = WatchedBoards(services, listener, RankUpdates(Mock()))
    audience = boards.join(QUIZ)
    assert progress() is not None
    announce = listener.follow.call_args.args[1]
    announce(ScoreUpdate(2))
    await_greenlets(lambda: rankings.reads == 2)
    assert parts.dead() == []
    later = Mock(monotonic=Mock(return_value=time.monotonic() + 60))
    with patch("app.alerting.background_parts.time", later):
        assert PART in parts.dead()
        boards.release(audience)
        rankings.released.set()
        await_greenlets(lambda: progress() is None)
        assert parts.dead() == []


def test_a_board_whose_broadcast_failed_is_sent_when_its_part_starts_again() -> None:
    board = Board(BoardVersion(1, 0, 0), (), (), more=False)
    send = Mock(side_effect=[ZeroDivisionError, 0.0])
    coalescer = Coalescer(lambda _version: board, send, BroadcastBudget(0.01))
    with pytest.raises(ZeroDivisionError):
        coalescer.run(lambda: None)
    greenlet = gevent.spawn(coalescer.run, lambda: None)
    coalescer.wait_for_first(10)
    greenlet.kill()
    assert send.call_args_list == [call(board), call(board)]
