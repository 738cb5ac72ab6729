"""The contests of all watched boards are read together, and sent when they have changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from unittest.mock import Mock, patch

import gevent
import pytest

from app.contract.details import FREEZES_AT, THAWED_AT
from app.contract.errors import DatabaseUnavailable
from app.contract.standings import BoardPeriod, PeriodKind
from app.contract.viewers.contests import Contest
from broadcaster.board.contest_watch import ContestWatch
from tests.support.broadcaster.greenlets import await_greenlets

QUIZ, RACE, DAY = (
    BoardPeriod("quiz", "all"),
    BoardPeriod("race", "all"),
    BoardPeriod("race", "day"),
)
PLAIN = Contest("open", {})
FROZEN = Contest("frozen", {FREEZES_AT: "2026-11-30T12:00:00.000Z", THAWED_AT: None})


class StubBoards:
    """Stands for known boards and contests; a board is its key here."""

    def __init__(self) -> None:
        self.reads: list[list[str]] = []
        self.contests = {"quiz": PLAIN, "race": PLAIN}
        self.fails = False

    def find_all(self, keys: Sequence[str]) -> dict[str, str]:
        self.reads.append(list(keys))
        if self.fails:
            raise DatabaseUnavailable
        return {key: key for key in keys if key in self.contests}

    def of(self, board: str, _period: PeriodKind) -> Contest:
        return self.contests[board]


class Audiences:
    """An audience for each board and period, and the number of contests that each was sent."""

    def __init__(self) -> None:
        self.of = {watched: Mock(watched=watched) for watched in (QUIZ, RACE, DAY)}

    def sent(self) -> list[int]:
        return [each.send_contest.call_count for each in self.of.values()]


@pytest.fixture
def boards() -> StubBoards:
    return StubBoards()


@pytest.fixture
def audiences() -> Audiences:
    return Audiences()


@pytest.fixture
def watch(boards: StubBoards, audiences: Audiences) -> Iterator[ContestWatch]:
    with patch("broadcaster.board.contest_watch.CHECK_SECONDS", 0.05):
        watch = ContestWatch(Mock(find_all=boards.find_all), Mock(of=boards.of))
        for audience in audiences.of.values():
            watch.add(audience)
        greenlet = gevent.spawn(watch.run, lambda: None)
        yield watch
        greenlet.kill()


def test_one_query_reads_all_boards_and_each_audience_gets_what_has_changed(
    watch: ContestWatch, boards: StubBoards, audiences: Audiences
) -> None:
    await_greenlets(lambda: len(boards.reads) == 2)
    assert boards.reads == [["quiz", "race"]] * 2
    # A board without times has nothing to send.
    assert audiences.sent() == [0, 0, 0]
    boards.contests["race"] = FROZEN
    await_greenlets(lambda: audiences.sent() == [0, 1, 1])
    boards.contests["quiz"] = FROZEN
    await_greenlets(lambda: audiences.sent() == [1, 1, 1])
    boards.reads.clear()
    await_greenlets(lambda: len(boards.reads) == 3)
    assert audiences.sent() == [1, 1, 1]


def test_a_board_that_no_longer_exists_does_not_keep_the_contests_of_others_back(
    watch: ContestWatch, boards: StubBoards, audiences: Audiences
) -> None:
    del boards.contests["quiz"]
    boards.contests["race"] = FROZEN
    await_greenlets(lambda: audiences.sent() == [0, 1, 1])


def test_a_board_without_viewers_is_not_read(
    watch: ContestWatch, boards: StubBoards, audiences: Audiences
) -> None:
    watch.remove(audiences.of[RACE])
    watch.remove(audiences.of[DAY])
    boards.reads.clear()
    await_greenlets(lambda: len(boards.reads) == 2)
    assert boards.reads == [["quiz"]] * 2
    watch.remove(audiences.of[QUIZ])
    boards.reads.clear()
    gevent.sleep(0.2)
    assert boards.reads == []
    # The next viewers get it although the ones before had it.
    boards.contests["race"] = FROZEN
    watch.add(audiences.of[RACE])
    await_greenlets(lambda: audiences.sent() == [0, 1, 0])


def test_a_change_of_a_board_that_hides_acts_is_read_at_once_and_alone(
    boards: StubBoards, audiences: Audiences
) -> None:
    boards.contests["race"] = FROZEN
    watch = ContestWatch(Mock(find_all=boards.find_all), Mock(of=boards.of))
    for audience in audiences.of.values():
        watch.add(audience)
    greenlet = gevent.spawn(watch.run, lambda: None)
    await_greenlets(lambda: audiences.sent() == [0, 1, 1])
    watch.on_board_changed(QUIZ)
    watch.on_board_changed(DAY)
    boards.contests["race"] = replace(FROZEN, number=1)
    await_greenlets(lambda: audiences.sent() == [0, 1, 2])
    greenlet.kill()
    assert boards.reads == [["quiz", "race"], ["race"]]


def test_contests_that_could_not_be_read_are_read_at_the_next_check(
    watch: ContestWatch, boards: StubBoards, audiences: Audiences
) -> None:
    boards.fails = True
    boards.reads.clear()
    await_greenlets(lambda: len(boards.reads) == 2)
    boards.contests["quiz"] = FROZEN
    boards.fails = False
    await_greenlets(lambda: audiences.sent() == [1, 0, 0])
