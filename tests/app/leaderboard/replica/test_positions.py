"""The replica is read only if the position that it must have replayed is known and comparable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from app.contract import keys
from app.contract.keys import MAIN_KEYS
from app.contract.standings import MAIN_RANKING
from app.leaderboard.board_cache import SharedBoard
from app.leaderboard.index.index_changes import IndexChanges, RankingChanges
from app.storage.database import Database
from tests.app.leaderboard.replica.board_reads import await_replica, read_by, scores
from tests.support.players import Person
from tests.support.replica import CAUGHT_UP_SECONDS, EmbeddedReplica, Pair
from tests.support.servers import store_folder
from tests.support.services import Services
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow


def test_a_promoted_replica_and_one_of_another_timeline_are_not_read(
    make_services: Callable[..., Services], settings: dict[str, str], pair: Pair
) -> None:
    with store_folder() as folder, EmbeddedReplica(folder, pair.primary) as second:
        second.promote()
        there = pair.at(second, settings["DATABASE_URL"])
        here = make_services(**settings | {"DATABASE_READ_URL": there})
        here.reconciler.run_pass()
        Person.register(here, "Ada").score()
        assert read_by(here, here.leaderboard.top) == {pair.primary.port}
        report = here.health.check()
        assert (report.healthy, report.replica) == (True, "error")

        # `second` is the primary now. The other replica follows the old one, whose log is longer.
        here.redis.flushall()
        moved = make_services(**settings | {"DATABASE_URL": there})
        moved.reconciler.run_pass()
        with here.database.transaction() as connection:
            connection.execute(text("CREATE TABLE filler AS SELECT generate_series(1, 100000)"))
        Person.register(moved, "Bob").score()
        position = SharedBoard(moved.redis).wal_position(MAIN_KEYS)
        assert position is not None
        last = f"SELECT pg_last_wal_replay_lsn() - '0/0' > {position.lsn}"
        await_true(lambda: pair.replica.ask(last), CAUGHT_UP_SECONDS)
        assert read_by(moved, moved.leaderboard.top) == {second.port}
        assert scores(moved.leaderboard.top()) == [("Bob", 1)]


def test_after_redis_lost_the_position_the_primary_is_read_until_it_is_confirmed(
    services: Services, pair: Pair
) -> None:
    person = Person.register(services, "Ada")
    person.score()
    await_replica(services, pair)
    services.redis.flushall()
    assert read_by(services, services.leaderboard.top) == {pair.primary.port}
    # The position of this change is known, but not that of commits before the loss.
    person.score()
    for limit in (10, 100):
        asked = read_by(services, lambda: services.leaderboard.top(limit))  # noqa: B023
        assert asked == {pair.primary.port}
    services.reconciler.run_pass()
    await_replica(services, pair)


def test_a_change_by_a_process_without_the_setting_makes_the_primary_be_read(
    services: Services,
    make_services: Callable[..., Services],
    settings: dict[str, str],
    pair: Pair,
) -> None:
    without = make_services(DATABASE_URL=settings["DATABASE_URL"])
    ada = Person.register(services, "Ada")
    ada.score()
    await_replica(services, pair)
    pair.replica.pause_replay()
    Person.register(without, "Bob").score()
    assert read_by(services, services.leaderboard.top) == {pair.primary.port}
    assert len(services.leaderboard.top().rows) == 2
    pair.replica.resume_replay()
    services.reconciler.run_pass()
    await_replica(services, pair)


def test_without_the_setting_no_position_is_asked_for(
    make_services: Callable[..., Services],
    settings: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services = make_services(DATABASE_URL=settings["DATABASE_URL"])
    sent: list[str] = []
    call = Database.call

    def noted(database: Database, statement: str, values: Any) -> list[tuple[Any, ...]]:
        sent.append(statement)
        return call(database, statement, values)

    monkeypatch.setattr(Database, "call", noted)
    services.reconciler.run_pass()
    Person.register(services).score()
    before = services.redis.info("commandstats").get("cmdstat_hmget", {}).get("calls", 0)
    services.leaderboard.top(100)
    # Only the increment.
    assert len(sent) == 1
    # Only the HMGET of read_board.lua.
    after = services.redis.info("commandstats")["cmdstat_hmget"]["calls"]
    assert after - before == 1
    assert "walPosition" not in services.redis.hkeys(keys.BOARD_VERSION)
    assert "replica" not in services.health.check().as_json()


def test_a_position_of_another_history_replaces_the_known_one(
    services: Services, settings: dict[str, str], pair: Pair
) -> None:
    """Promotions start new timelines, restored databases are new systems; older positions lose."""
    shared = SharedBoard(services.redis)
    known = shared.wal_position(MAIN_KEYS)
    assert known is not None
    newer = replace(known, timeline=known.timeline + 1, lsn=8)
    other = replace(known, system="1", timeline=1, lsn=16)
    for given, kept in (
        (replace(known, lsn=known.lsn - 8), known),
        (newer, newer),
        (replace(known, lsn=known.lsn + 8), newer),
        (replace(newer, lsn=24), replace(newer, lsn=24)),
        (other, other),
    ):
        changes = IndexChanges(services.redis, lambda: given)  # noqa: B023 - called at once
        changes.apply([RankingChanges(MAIN_RANKING, (), 0)])
        assert shared.wal_position(MAIN_KEYS) == kept
    assert read_by(services, services.leaderboard.top) == {pair.primary.port}
