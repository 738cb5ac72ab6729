"""Repairs despite long transactions, clocks that were set, and marks that can't be true."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg2
import pytest
from psycopg2 import extensions
from sqlalchemy import text

from app.audit.audited_change import Initiator
from app.contract import keys
from app.contract.errors import SessionRevoked, UserBanned
from app.ledger import action_rows
from app.maintenance import reconciler
from app.maintenance.mark_validity import MAX_GAP_SECONDS
from tests.support.players import Person
from tests.support.rank_index import index_equals_database, record_unpublished_point
from tests.support.servers import Stores
from tests.support.services import Services

pytestmark = pytest.mark.slow

MINUTE_US = 60_000_000
RAISE_SCORE = (
    "UPDATE users SET score = score + 1, revision = revision + 1,"
    " changed_at = clock_timestamp() WHERE id = %s"
)

AN_HOUR_AGO = "clock_timestamp() - interval '1 hour'"
END_AN_HOUR_AGO = f"UPDATE {{}} SET revoked_at = {AN_HOUR_AGO} WHERE id = %s"
BAN_AN_HOUR_AGO = (
    "UPDATE users SET status = 'banned', revision = revision + 1,"
    f" changed_at = {AN_HOUR_AGO}, moderated_at = {AN_HOUR_AGO} WHERE id = %s"
)
MakeServices = Callable[..., Services]


@pytest.fixture
def writer(stores: Stores) -> Iterator[extensions.connection]:
    """A connection of another client, with transactions that stay open."""
    with closing(psycopg2.connect(stores.database_url)) as connection:
        yield connection


@pytest.fixture
def player(services: Services) -> Person:
    """A player with a point, in a complete index."""
    person = Person.register(services)
    person.score()
    services.reconciler.run_pass()
    return person


@pytest.fixture
def no_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a transaction of milliseconds is longer than the overlap."""
    monkeypatch.setattr(reconciler, "OVERLAP_US", 0)


@pytest.mark.usefixtures("no_overlap")
@pytest.mark.parametrize("lost", [False, True])
def test_a_change_that_commits_long_after_it_was_written_is_repaired(
    services: Services, player: Person, writer: extensions.connection, lost: bool
) -> None:
    with writer.cursor() as cursor:
        cursor.execute(RAISE_SCORE, (player.user_id,))
    if lost:
        services.redis.delete(keys.INDEX_SCORES)
    for _ in range(3):
        services.reconciler.run_pass()
    writer.commit()
    services.reconciler.run_pass()
    assert index_equals_database(services)


def test_the_mark_rises_after_a_long_transaction_has_ended(
    services: Services, player: Person, writer: extensions.connection
) -> None:
    with writer.cursor() as cursor:
        cursor.execute(RAISE_SCORE, (player.user_id,))
    services.reconciler.run_pass()
    held = mark(services)
    services.reconciler.run_pass()
    assert mark(services) == held
    writer.rollback()
    services.reconciler.run_pass()
    assert mark(services) > held


def test_a_transaction_that_only_reads_does_not_hold_the_mark(
    services: Services, player: Person, writer: extensions.connection
) -> None:
    with writer.cursor() as cursor:
        cursor.execute("SELECT * FROM users")
    before = mark(services)
    services.reconciler.run_pass()
    assert mark(services) > before


def test_the_start_of_a_transaction_of_a_hidden_role_is_unknown(
    services: Services, player: Person, writer: extensions.connection
) -> None:
    with services.database.transaction() as connection:
        connection.execute(text("CREATE ROLE without_rights"))
        connection.execute(text("SET LOCAL ROLE without_rights"))
        # This transaction itself has written and is of another role.
        assert action_rows.time(connection).settled is None
        connection.execute(text("RESET ROLE"))
        connection.execute(text("DROP ROLE without_rights"))
    assert unsettled_time(services).settled is not None


def unsettled_time(services: Services) -> action_rows.DatabaseTime:
    with services.database.reading() as connection:
        return action_rows.time(connection)


@pytest.mark.parametrize("ahead_us", [31_000_000, 300_000_000, 10**15])
def test_a_mark_in_the_future_is_dropped_and_the_index_rebuilt(
    services: Services, player: Person, ahead_us: int
) -> None:
    """As after PostgreSQL's clock was set back, or a standby with a slower clock was promoted."""
    services.redis.set(keys.INDEX_COMPLETE_UNTIL, mark(services) + ahead_us)
    record_unpublished_point(services, player)
    services.reconciler.run_pass()
    assert index_equals_database(services)
    with services.database.reading() as connection:
        assert mark(services) <= action_rows.now(connection)


@pytest.mark.parametrize("step_us", [-5 * MINUTE_US, 5 * MINUTE_US])
def test_the_index_is_rebuilt_after_a_clock_was_set_between_two_passes(
    services: Services, player: Person, step_us: int
) -> None:
    """Otherwise points counted while PostgreSQL's clock was behind the mark would be left out."""
    services.redis.hincrby(keys.INDEX_REVISIONS, "clockOffset", step_us)
    record_unpublished_point(services, player, seconds_ago=120)
    services.reconciler.run_pass()
    assert index_equals_database(services)


def test_a_small_difference_of_the_clocks_costs_no_rebuild(
    services: Services, player: Person, caplog: pytest.LogCaptureFixture
) -> None:
    services.redis.hincrby(keys.INDEX_REVISIONS, "clockOffset", -5_000_000)
    services.redis.hset(keys.INDEX_REVISIONS, "00000000-0000-4000-8000-000000000001", 1)
    services.reconciler.run_pass()
    # A rebuild would have removed the revision.
    assert services.redis.hexists(keys.INDEX_REVISIONS, "00000000-0000-4000-8000-000000000001")


@pytest.mark.parametrize("next_pass", ["of another process", "after a gap"])
def test_a_change_is_repaired_that_was_written_while_the_clock_was_back_for_a_while(
    services: Services, make_services: MakeServices, player: Person, next_pass: str
) -> None:
    """The clock shows the right time again at the next pass, and the change seems to be old."""
    services.reconciler.run_pass()
    record_unpublished_point(services, player, seconds_ago=120)
    if next_pass == "of another process":
        make_services().reconciler.run_pass()
    else:
        time.sleep(MAX_GAP_SECONDS)
        services.reconciler.run_pass()
    assert index_equals_database(services)


def test_a_ban_and_an_end_are_published_that_seem_to_be_older_than_the_mark(
    services: Services,
    make_services: MakeServices,
    player: Person,
    writer: extensions.connection,
) -> None:
    issued = services.display_tokens.issue(Initiator("test", "test"), "hall", 3600)
    other = Person.register(services)
    services.reconciler.run_pass()
    with writer.cursor() as cursor:
        cursor.execute(BAN_AN_HOUR_AGO, (player.user_id,))
        cursor.execute(END_AN_HOUR_AGO.format("sessions"), (other.identity.session_id,))
        cursor.execute(END_AN_HOUR_AGO.format("display_tokens"), (issued.token.id,))
    writer.commit()
    make_services().reconciler.run_pass()
    with pytest.raises(UserBanned):
        player.token()
    with pytest.raises(SessionRevoked):
        other.token()
    assert services.redis.get(keys.session(issued.token.id, issued.token.id)) == "revoked"
    assert index_equals_database(services)


def test_transaction_ids_lower_than_those_of_the_mark_cause_a_rebuild(
    services: Services, player: Person
) -> None:
    """As after a backup was restored to another server."""
    services.redis.hincrby(keys.INDEX_REVISIONS, "settledId", 1_000_000)
    record_unpublished_point(services, player, seconds_ago=120)
    services.reconciler.run_pass()
    assert index_equals_database(services)


def mark(services: Services) -> int:
    return int(services.redis.get(keys.INDEX_COMPLETE_UNTIL) or 0)
