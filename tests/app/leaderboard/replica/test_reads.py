"""The board is read from a replica that has caught up, and else from the primary."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from app.audit.audited_change import Initiator
from app.contract import keys
from app.storage import wal
from tests.app.leaderboard.replica.board_reads import await_replica, read_by, scores
from tests.support.players import Person
from tests.support.replica import CAUGHT_UP_SECONDS, Pair, readers_of_users
from tests.support.services import Services
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow
PROMISED_SECONDS = 2.0
ACT = Initiator("test", "because")


def test_each_read_of_the_board_goes_to_a_replica_that_has_caught_up(
    services: Services, pair: Pair
) -> None:
    people = [Person.register(services, f"Player {number}") for number in range(4)]
    for number, person in enumerate(people):
        person.score(number + 1)
    cursor = services.leaderboard.top(1).order_keys[0]
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    reads: tuple[Callable[[], Any], ...] = (
        services.leaderboard.top,
        lambda: services.leaderboard.top(100),
        lambda: services.leaderboard.page_after(cursor, 2),
        lambda: services.leaderboard.around(people[0].user_id, 2),
        lambda: services.history.since(hour_ago),
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
    # A change below the top ten raises no version, but is shown too.
    bob.score()
    around = services.leaderboard.around(bob.user_id, 1)
    assert scores(around) == [("Ada", 2), ("Bob", 1)]
    services.moderation.ban(ACT, ada.user_id)
    assert scores(services.leaderboard.top()) == [("Bob", 1)]
    pair.replica.resume_replay()
    await_replica(services, pair)
    assert scores(services.leaderboard.top()) == [("Bob", 1)]


def test_a_players_own_standing_never_goes_back_although_the_version_stays(
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
def test_without_the_replica_the_primary_is_read_in_time(
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


def test_if_the_replica_freezes_during_a_read_the_primary_is_read(
    services: Services, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    Person.register(services, "Ada").score()
    await_replica(services, pair)
    replayed_position = wal.replayed_position

    def read_and_freeze(connection: Connection) -> wal.WalPosition | None:
        found = replayed_position(connection)
        pair.replica.pause()
        return found

    monkeypatch.setattr(wal, "replayed_position", read_and_freeze)
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
