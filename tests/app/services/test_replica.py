"""Boards read from a streaming replica, and what happens when it can't be trusted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import Connection, text

from app.composition import Services
from app.contract import keys
from app.contract.standings import Board
from app.services.moderation import Act
from app.stores import wal
from app.stores.database import Database
from tests.app.people import Person
from tests.awaiting import await_true
from tests.replica import CAUGHT_UP_SECONDS, EmbeddedReplica, Pair, readers_of_users, replicated

pytestmark = pytest.mark.slow
PROMISED_SECONDS = 2.0
ACT = Act("test", "because")


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with TemporaryDirectory(prefix="scoreboard-") as folder, replicated(Path(folder)) as made:
        yield made


@pytest.fixture
def settings(pair: Pair) -> dict[str, str]:
    return pair.create()


@pytest.fixture
def services(make_services: Callable[..., Services], settings: dict[str, str]) -> Services:
    """The services of one process; the position is known, as after the keeper's first pass."""
    made = make_services(**settings)
    made.index_keeper.keep()
    return made


def read_by(services: Services, read: Callable[[], Any]) -> set[int | None]:
    """Forget what is cached and read; the ports of those who were asked."""
    services.local_board.clear()
    services.redis.delete(keys.CACHED_BOARD, keys.BOARD_LEASE)
    with readers_of_users() as ports:
        read()
    return set(ports)


def await_replica(services: Services, pair: Pair) -> None:
    """Return when the board is read from the replica."""
    top, port = services.leaderboard.top, pair.replica.port
    await_true(lambda: read_by(services, top) == {port}, CAUGHT_UP_SECONDS)


def scores(board: Board) -> list[tuple[str, int]]:
    return [(row.display_name, row.score) for row in board.rows]


def test_each_read_of_the_board_goes_to_a_replica_that_has_caught_up(
    services: Services, pair: Pair
) -> None:
    people = [Person.register(services, f"Player {number}") for number in range(4)]
    for number, person in enumerate(people):
        person.score(number + 1)
    cursor = services.leaderboard.top(1).positions[0]
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    reads: tuple[Callable[[], Any], ...] = (
        services.leaderboard.top,
        lambda: services.leaderboard.top(100),
        lambda: services.leaderboard.page(cursor, 2),
        lambda: services.leaderboard.around(people[0].user_id, 2),
        lambda: services.histories.since(hour_ago),
    )
    for read in reads:
        await_true(lambda: read_by(services, read) == {pair.replica.port}, CAUGHT_UP_SECONDS)  # noqa: B023
    assert scores(services.leaderboard.top(2)) == [("Player 3", 4), ("Player 2", 3)]
    assert services.leaderboard.around(people[0].user_id, 0).rows[0].rank == 4


def test_a_lagging_replica_is_not_read_and_the_board_is_fresh(
    services: Services, pair: Pair
) -> None:
    ada, bob = Person.register(services, "Ada"), Person.register(services, "Bob")
    ada.score()
    await_replica(services, pair)
    pair.replica.pause_replay()
    outcome = ada.score()
    assert read_by(services, services.leaderboard.top) == {pair.primary.port}
    board = services.leaderboard.top(min_version=outcome.board_version or 0)
    assert scores(board) == [("Ada", 2)]
    # The same of what is below the top ten, whose changes raise no version.
    bob.score()
    around = services.leaderboard.around(bob.user_id, 1)
    assert scores(around) == [("Ada", 2), ("Bob", 1)]
    services.moderation.ban(ACT, ada.user_id)
    assert scores(services.leaderboard.top()) == [("Bob", 1)]
    pair.replica.resume_replay()
    await_replica(services, pair)
    assert scores(services.leaderboard.top()) == [("Bob", 1)]


def test_ones_own_standing_does_not_go_back_though_the_version_stays(
    services: Services, pair: Pair
) -> None:
    for _ in range(10):
        Person.register(services).score(3)
    late = Person.register(services, "Late")
    late.score()
    await_replica(services, pair)
    version = services.leaderboard.top().version.number
    pair.replica.pause_replay()
    assert late.score().board_version == version
    around = services.leaderboard.around(late.user_id, 0)
    assert scores(around) == [("Late", 2)]


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_without_the_replica_the_primary_is_read_within_the_bound(
    services: Services, pair: Pair, how: str
) -> None:
    person = Person.register(services, "Ada")
    person.score()
    await_replica(services, pair)
    if how == "killed":
        pair.replica.kill()
    else:
        pair.replica.pause()
    try:
        for points in (2, 3, 4):
            person.score()
            begun = time.monotonic()
            assert read_by(services, services.leaderboard.top) == {pair.primary.port}
            assert scores(services.leaderboard.top()) == [("Ada", points)]
            assert time.monotonic() - begun < PROMISED_SECONDS
        report = services.health.check()
        assert report.healthy
        assert report.as_json()["replica"] == ("error" if how == "killed" else "timeout")
    finally:
        if how == "killed":
            pair.replica.start()
        else:
            pair.replica.resume()
    await_replica(services, pair)
    await_true(lambda: services.health.check().as_json()["replica"] == "ok", CAUGHT_UP_SECONDS)


def test_a_replica_that_freezes_while_it_is_read_is_left_for_the_primary(
    services: Services, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    Person.register(services, "Ada").score()
    await_replica(services, pair)
    replayed = wal.replayed

    def and_freeze(connection: Connection) -> wal.WalPosition | None:
        found = replayed(connection)
        pair.replica.pause()
        return found

    monkeypatch.setattr(wal, "replayed", and_freeze)
    services.local_board.clear()
    services.redis.delete(keys.CACHED_BOARD)
    begun = time.monotonic()
    try:
        with readers_of_users() as ports:
            assert scores(services.leaderboard.top()) == [("Ada", 1)]
        assert time.monotonic() - begun < PROMISED_SECONDS
    finally:
        pair.replica.resume()
    assert ports == [pair.replica.port, pair.primary.port]


def test_a_promoted_replica_and_one_of_another_timeline_are_not_read(
    make_services: Callable[..., Services], settings: dict[str, str], pair: Pair
) -> None:
    with (
        TemporaryDirectory(prefix="scoreboard-") as folder,
        EmbeddedReplica(Path(folder), pair.primary) as second,
    ):
        second.promote()
        there = pair.at(second, settings["DATABASE_URL"])
        here = make_services(**settings | {"DATABASE_READ_URL": there})
        here.index_keeper.keep()
        Person.register(here, "Ada").score()
        assert read_by(here, here.leaderboard.top) == {pair.primary.port}
        report = here.health.check()
        assert (report.healthy, report.replica) == (True, "error")

        # It is the primary now. The other one follows the old one, whose log is longer.
        here.redis.flushall()
        moved = make_services(**settings | {"DATABASE_URL": there})
        moved.index_keeper.keep()
        with here.database.transaction() as connection:
            connection.execute(text("CREATE TABLE filler AS SELECT generate_series(1, 100000)"))
        Person.register(moved, "Bob").score()
        position = moved.leaderboard._shared.wal_position()
        assert position is not None
        last = f"SELECT pg_last_wal_replay_lsn() - '0/0' > {position.lsn}"
        await_true(lambda: pair.replica.ask(last), CAUGHT_UP_SECONDS)
        assert read_by(moved, moved.leaderboard.top) == {second.port}
        assert scores(moved.leaderboard.top()) == [("Bob", 1)]


def test_where_redis_lost_the_position_the_primary_is_read_until_a_keeper_vouches_for_it(
    services: Services, pair: Pair
) -> None:
    person = Person.register(services, "Ada")
    person.score()
    await_replica(services, pair)
    services.redis.flushall()
    assert read_by(services, services.leaderboard.top) == {pair.primary.port}
    # Its own position is known, but what others committed before the loss is not.
    person.score()
    for limit in (10, 100):
        asked = read_by(services, lambda: services.leaderboard.top(limit))  # noqa: B023
        assert asked == {pair.primary.port}
    services.index_keeper.keep()
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
    services.index_keeper.keep()
    await_replica(services, pair)


def test_without_the_setting_nobody_asks_for_a_position(
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
    services.index_keeper.keep()
    Person.register(services).score()
    before = services.redis.info("commandstats").get("cmdstat_hmget", {}).get("calls", 0)
    services.leaderboard.top(100)
    # The increment alone.
    assert len(sent) == 1
    # HMGET of read_board.lua alone.
    after = services.redis.info("commandstats")["cmdstat_hmget"]["calls"]
    assert after - before == 1
    assert services.redis.hkeys(keys.BOARD_VERSION) == ["version", "updatedAt", "committedAt"]
    assert "replica" not in services.health.check().as_json()


def test_positions_of_another_history_take_the_place_of_what_is_known(
    services: Services, settings: dict[str, str], pair: Pair
) -> None:
    """Promotions begin new timelines, restored databases new systems; what is late stays out."""
    known = services.leaderboard._shared.wal_position()
    assert known is not None
    index = services.leaderboard._index
    newer = replace(known, timeline=known.timeline + 1, lsn=8)
    other = replace(known, system="1", timeline=1, lsn=16)
    for given, kept in (
        (replace(known, lsn=known.lsn - 8), known),
        (newer, newer),
        (replace(known, lsn=known.lsn + 8), newer),
        (replace(newer, lsn=24), replace(newer, lsn=24)),
        (other, other),
    ):
        index._apply([], 0, position=given)
        assert services.leaderboard._shared.wal_position() == kept
    assert read_by(services, services.leaderboard.top) == {pair.primary.port}
