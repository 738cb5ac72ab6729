"""How long rank indexes of boards last, and what a pass of the reconciler reads for them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from app.boards.board import Board
from app.contract import keys
from app.contract.errors import RedisUnavailable
from app.contract.standings import OwnStanding
from app.leaderboard.index import index_rebuild, used_rankings
from app.leaderboard.index.index_changes import IndexChanges
from app.leaderboard.index.index_rebuild import IndexRebuild
from app.ledger import action_rows, standing_rows
from app.ledger.written_rows import Since
from app.maintenance import ranking_reconciler, reconciler
from app.maintenance.background import MAX_PASS_SECONDS
from app.maintenance.mark_validity import MAX_GAP_SECONDS
from tests.app.maintenance.test_ranking_reconciler import ALL_TIME, QUIZ, publishing_fails
from tests.support.players import Person
from tests.support.rank_index import is_indexed
from tests.support.service_acts import act, count, create_board
from tests.support.services import Services
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow


@pytest.fixture
def board(services: Services) -> Board:
    """A board of all time, on which no player has scored."""
    return create_board(services)


def test_an_index_outlives_the_longest_pass_and_stops_answering_without_passes(
    services: Services, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass may rebuild a large index, and renews no mark in the meantime."""
    assert index_rebuild.MARK_LIFETIME_MS > MAX_PASS_SECONDS * 1000
    monkeypatch.setattr(index_rebuild, "MARK_LIFETIME_MS", 500)
    person = Person.register(services)
    count(services, act(person, 5))
    services.reconciler.run_pass()
    assert is_indexed(services, ALL_TIME)
    await_true(lambda: not is_indexed(services, ALL_TIME), 5)
    found = services.rankings.own_standings(QUIZ, [person.user_id])
    assert found is not None
    assert found.own == (OwnStanding(5, 1),)


@pytest.mark.parametrize(
    ("room", "rows"), [(reconciler, action_rows), (ranking_reconciler, standing_rows)]
)
def test_a_pass_that_took_long_does_not_make_the_next_one_read_all_standings(
    services: Services, board: Board, monkeypatch: pytest.MonkeyPatch, room: Any, rows: Any
) -> None:
    count(services, act(Person.register(services), 5))
    services.reconciler.run_pass()
    clock, whole_reads = [0.0], []
    read = rows.changed_since

    def read_slowly(connection: Any, since: Since, *rankings: Any) -> Any:
        clock[0] += 2 * MAX_GAP_SECONDS
        whole_reads.append(since.transaction_id is not None)
        return read(connection, since, *rankings)

    monkeypatch.setattr(room, "monotonic", lambda: clock[0])
    monkeypatch.setattr(rows, "changed_since", read_slowly)
    services.reconciler.note_redis_failure()
    for _ in range(3):
        services.reconciler.run_pass()
    assert whole_reads == [True, False, False]


def test_an_index_that_could_not_be_removed_is_removed_by_the_next_pass(
    services: Services, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(services, act(Person.register(services), 5))
    services.reconciler.run_pass()
    long_ago = int((time.time() - used_rankings.USED_SECONDS - 1) * 1000)
    services.redis.zadd(keys.USED_RANKINGS, {"quiz:all:": long_ago})

    def fail(*_: object) -> None:
        raise RedisUnavailable

    with monkeypatch.context() as patched, pytest.raises(RedisUnavailable):
        patched.setattr(IndexRebuild, "unlink", fail)
        services.reconciler.run_pass()
    services.reconciler.run_pass()
    assert services.redis.exists(keys.of_ranking(ALL_TIME).scores) == 0
    assert services.redis.zcard(keys.USED_RANKINGS) == 0


def test_an_index_that_is_not_read_any_more_is_removed(services: Services, board: Board) -> None:
    count(services, act(Person.register(services), 5))
    services.reconciler.run_pass()
    names = keys.of_ranking(ALL_TIME)
    assert services.redis.exists(names.scores, names.revisions, names.complete_until) == 3
    long_ago = int((time.time() - used_rankings.USED_SECONDS - 1) * 1000)
    services.redis.zadd(keys.USED_RANKINGS, {"quiz:all:": long_ago})
    services.reconciler.run_pass()
    assert services.redis.exists(names.scores, names.revisions, names.complete_until) == 0
    assert services.redis.zcard(keys.USED_RANKINGS) == 0


def test_a_pass_leaves_out_the_changes_that_the_last_pass_published(
    services: Services, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied: list[str] = []
    apply = IndexChanges.apply

    def record(index: IndexChanges, batch: Any, **options: Any) -> Any:
        applied.extend(change.user_id for each in batch for change in each.changes)
        return apply(index, batch, **options)

    ada, bob = Person.register(services), Person.register(services)
    count(services, act(ada, 5))
    services.reconciler.run_pass()
    services.reconciler.run_pass()
    monkeypatch.setattr(IndexChanges, "apply", record)
    services.reconciler.run_pass()
    assert applied == []
    with publishing_fails(monkeypatch):
        count(services, act(bob, 5))
    services.reconciler.run_pass()
    assert applied == [bob.user_id]
