"""The reconciler keeps the rank indexes of the boards that are read equal to PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
import pytest
from sqlalchemy import text

from app.boards.board import Board
from app.contract import keys
from app.contract.standings import BoardPeriod, OwnStanding, Ranking
from app.leaderboard.publication import BoardPublisher
from app.leaderboard.rankings import ranking_of
from app.maintenance import ranking_reconciler
from app.maintenance.mark_validity import MAX_GAP_SECONDS
from tests.support.players import Person
from tests.support.rank_index import is_indexed, ranking_index_equals_database
from tests.support.servers import Stores
from tests.support.service_acts import OPERATOR, act, count, create_board
from tests.support.services import Services

pytestmark = pytest.mark.slow

QUIZ, TODAY = BoardPeriod("quiz", "all"), BoardPeriod("quiz", "day")
ALL_TIME = Ranking("quiz", "all", None)
RAISE_SCORES = (
    "UPDATE standings SET score = score + 1, order_score = order_score - 1,"
    " revision = revision + 1, changed_at = clock_timestamp() WHERE user_id = %s"
)
MakeServices = Callable[..., Services]


def day_of(services: Services, board: Board) -> Ranking:
    """The present day of the board."""
    return ranking_of(board, services.standings.period(board, "day", None))


@pytest.fixture
def board(services: Services) -> Board:
    """A board with the periods all and day, on which no player has scored."""
    return create_board(services, periods=("all", "day"))


@contextmanager
def publishing_fails(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Acts are committed but not published, as by a process that dies after its commit."""
    with monkeypatch.context() as patched:
        patched.setattr(BoardPublisher, "publish_changes", lambda *_: {})
        patched.setattr(BoardPublisher, "publish", lambda *_: False)
        yield


def test_a_board_that_is_read_gets_an_index_and_one_that_is_not_gets_none(
    services: Services, board: Board
) -> None:
    ada, bob = Person.register(services), Person.register(services)
    count(services, act(ada, 5), act(bob, 0))
    services.rankings.top(TODAY)
    day = day_of(services, board)
    services.redis.zrem(keys.USED_RANKINGS, "quiz:all:")
    services.reconciler.run_pass()
    assert ranking_index_equals_database(services, day)
    assert not is_indexed(services, ALL_TIME)
    assert services.redis.exists(keys.of_ranking(ALL_TIME).scores) == 0


def test_unpublished_acts_and_bans_are_repaired_in_every_ranking(
    services: Services, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [Person.register(services) for _ in range(3)]
    count(services, *(act(person, 5) for person in people))
    services.rankings.top(TODAY)
    rankings = ALL_TIME, day_of(services, board)
    services.reconciler.run_pass()
    before = [services.rankings.top(watched).version.number for watched in (QUIZ, TODAY)]
    with publishing_fails(monkeypatch):
        count(services, act(people[0], 90))
        services.moderation.ban(OPERATOR, people[1].user_id)
    assert not ranking_index_equals_database(services, *rankings)
    services.reconciler.run_pass()
    assert ranking_index_equals_database(services, *rankings)
    for watched, old in zip((QUIZ, TODAY), before, strict=True):
        shown = services.rankings.top(watched)
        assert shown.version.number > old
        assert [row.score for row in shown.rows] == [95, 5]


@pytest.mark.parametrize("next_pass", ["of another process", "after a gap"])
def test_an_act_is_repaired_that_was_counted_while_the_clock_was_back_for_a_while(
    services: Services,
    make_services: MakeServices,
    board: Board,
    monkeypatch: pytest.MonkeyPatch,
    next_pass: str,
) -> None:
    """The clock shows the right time again at the next pass, and the change seems to be old."""
    ada = Person.register(services)
    services.rankings.top(QUIZ)
    services.reconciler.run_pass()
    with publishing_fails(monkeypatch):
        count(services, act(ada, 5))
    with services.database.transaction() as connection:
        connection.execute(text("UPDATE standings SET changed_at = changed_at - interval '120 s'"))
    if next_pass == "of another process":
        make_services().reconciler.run_pass()
    else:
        time.sleep(MAX_GAP_SECONDS)
        services.reconciler.run_pass()
    assert ranking_index_equals_database(services, ALL_TIME)


def test_redis_that_lost_everything_has_the_indexes_again_after_a_read(
    services: Services, board: Board
) -> None:
    ada = Person.register(services)
    count(services, act(ada, 5))
    services.reconciler.run_pass()
    services.redis.flushall()
    found = services.rankings.own_standings(QUIZ, [ada.user_id])
    assert found is not None
    assert found.own == (OwnStanding(5, 1),)
    services.redis.zadd(keys.USED_RANKINGS, {"quiz:all:": int(time.time() * 1000)})
    services.reconciler.run_pass()
    assert ranking_index_equals_database(services, ALL_TIME)


@pytest.mark.parametrize("part", ["scores", "revisions", "complete_until"])
@pytest.mark.parametrize("loss", ["deleted", "of another type"])
def test_an_index_that_lost_a_part_is_rebuilt(
    services: Services, board: Board, part: str, loss: str
) -> None:
    count(services, *(act(Person.register(services), 5) for _ in range(3)))
    services.reconciler.run_pass()
    name = getattr(keys.of_ranking(ALL_TIME), part)
    services.redis.delete(name)
    if loss == "of another type":
        services.redis.rpush(name, "foreign")
    services.reconciler.run_pass()
    assert ranking_index_equals_database(services, ALL_TIME)


def test_redis_restored_from_an_old_snapshot_is_repaired(services: Services, board: Board) -> None:
    """The index, its mark and the registry are those of before the last acts."""
    ada, bob = Person.register(services), Person.register(services)
    count(services, act(ada, 5))
    services.reconciler.run_pass()
    old: dict[Any, Any] = {
        name: services.redis.dump(name)
        for name in services.redis.keys("*quiz*")
        if "lease" not in str(name)
    }
    count(services, act(bob, 9), act(ada, 1))
    services.reconciler.run_pass()
    for name, dumped in old.items():
        services.redis.restore(name, 5_000, dumped, replace=True)
    assert not ranking_index_equals_database(services, ALL_TIME)
    services.reconciler.run_pass()
    assert ranking_index_equals_database(services, ALL_TIME)


@pytest.mark.parametrize("step_us", [-11_000_000, 11_000_000])
def test_an_index_is_rebuilt_after_a_step_of_a_clock(
    services: Services, board: Board, step_us: int
) -> None:
    count(services, act(Person.register(services), 5))
    services.reconciler.run_pass()
    names = keys.of_ranking(ALL_TIME)
    services.redis.hincrby(names.revisions, "clockOffset", step_us)
    services.redis.hset(names.revisions, "00000000-0000-4000-8000-000000000001", 1)
    services.reconciler.run_pass()
    assert not services.redis.hexists(names.revisions, "00000000-0000-4000-8000-000000000001")
    assert ranking_index_equals_database(services, ALL_TIME)


def test_all_keys_of_a_ranking_expire(services: Services, board: Board) -> None:
    count(services, act(Person.register(services), 5))
    services.rankings.top(QUIZ)
    services.reconciler.run_pass()
    count(services, act(Person.register(services), 5))
    services.rankings.top(QUIZ)
    found = services.redis.keys("{leaderboard:quiz*")
    assert len(found) >= 5
    assert [name for name in found if services.redis.ttl(name) < 0] == []


def test_foreign_names_in_the_registry_are_ignored(services: Services, board: Board) -> None:
    services.rankings.top(QUIZ)
    now = int(time.time() * 1000)
    foreign = (
        "",
        "quiz",
        "quiz:year:2026-01-01",
        "quiz:day:",
        "quiz:all:2026-01-01",
        "Q:all:",
        "a:day:x",
    )
    services.redis.zadd(keys.USED_RANKINGS, dict.fromkeys(foreign, now))
    services.reconciler.run_pass()
    assert is_indexed(services, ALL_TIME)


@pytest.mark.parametrize("lost", [False, True])
def test_a_standing_that_commits_long_after_it_was_written_is_repaired(
    services: Services, stores: Stores, monkeypatch: pytest.MonkeyPatch, *, lost: bool
) -> None:
    """As after a stall of the storage. The mark may not pass the start of a transaction."""
    # So that a transaction of milliseconds is longer than the overlap.
    monkeypatch.setattr(ranking_reconciler, "OVERLAP_US", 0)
    board, person = create_board(services, periods=("all", "day")), Person.register(services)
    count(services, act(person, 5))
    services.rankings.top(TODAY)
    day = ranking_of(board, services.standings.period(board, "day", None))
    services.reconciler.run_pass()
    with closing(psycopg2.connect(stores.database_url)) as writer:
        writer.cursor().execute(RAISE_SCORES, (person.user_id,))
        if lost:
            services.redis.delete(keys.of_ranking(ALL_TIME).scores)
        for _ in range(3):
            services.reconciler.run_pass()
        writer.commit()
    assert not ranking_index_equals_database(services, ALL_TIME, day)
    services.reconciler.run_pass()
    assert ranking_index_equals_database(services, ALL_TIME, day)
