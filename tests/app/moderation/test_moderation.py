"""Changes of moderators to an account: their effects, their ends and their audit entries."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.audit import audit_rows
from app.audit.audit_rows import AuditEntry
from app.audit.audited_change import Initiator
from app.contract import keys
from app.contract.errors import (
    AuthInvalid,
    Forbidden,
    InvalidCredentials,
    NotFound,
    SessionRevoked,
    UserBanned,
    UsernameTaken,
)
from app.moderation import sanction_rows
from tests.support.players import PASSWORD, Person
from tests.support.rank_index import record_unpublished_point, stop_publishing_accounts
from tests.support.servers import Stores, empty
from tests.support.services import Services

OPERATOR = Initiator("operator:test", "because")


def trail(services: Services, person: Person) -> list[AuditEntry]:
    with services.database.reading() as connection:
        return audit_rows.find(connection, person.user_id, 100)


def names(services: Services) -> list[tuple[int, str, int]]:
    return [(row.rank, row.display_name, row.score) for row in services.leaderboard.top().rows]


def test_the_audit_entry_has_actor_time_and_reason(services: Services) -> None:
    person = Person.register(services)
    before = datetime.now(UTC)
    services.moderation.ban(Initiator("operator:ada", "three bots"), person.user_id)
    (entry,) = trail(services, person)
    assert (entry.actor, entry.act, entry.reason) == ("operator:ada", "ban", "three bots")
    assert (entry.at - before).total_seconds() < 5


def test_nothing_is_audited_if_nothing_changes(services: Services) -> None:
    person = Person.register(services)
    assert not services.moderation.unban(OPERATOR, person.user_id).done
    assert not services.moderation.unflag(OPERATOR, person.user_id).done
    assert services.moderation.revoke_points(OPERATOR, person.user_id).revoked_points == 0
    assert trail(services, person) == []


def test_a_banned_user_gets_the_ban_and_not_the_ended_session_as_error(
    services: Services, stores: Stores
) -> None:
    person = Person.register(services)
    services.moderation.ban(OPERATOR, person.user_id)
    for _ in range(2):
        with pytest.raises(UserBanned):
            services.sessions.verify(person.identity)
        with pytest.raises(UserBanned):
            person.token()
        empty(stores.redis_url)


def test_an_unbanned_player_keeps_the_order_among_equal_scores(services: Services) -> None:
    first, second = Person.register(services, "First"), Person.register(services, "Second")
    first.score(2)
    second.score(2)
    services.moderation.ban(OPERATOR, first.user_id)
    assert names(services) == [(1, "Second", 2)]
    services.moderation.unban(OPERATOR, first.user_id)
    assert names(services) == [(1, "First", 2), (1, "Second", 2)]
    with pytest.raises(SessionRevoked):
        services.sessions.verify(first.identity)
    services.accounts.log_in(first.username, PASSWORD)


def test_the_next_board_shows_a_new_name(services: Services) -> None:
    person = Person.register(services, "Offensive")
    person.score()
    assert names(services) == [(1, "Offensive", 1)]
    services.moderation.rename(OPERATOR, person.user_id, display_name="Mild", username="mild")
    assert names(services) == [(1, "Mild", 1)]
    services.accounts.log_in("MILD", PASSWORD)
    services.sessions.verify(person.identity)


def test_a_rename_to_a_taken_name_changes_nothing(services: Services) -> None:
    person, other = Person.register(services, "Ada"), Person.register(services)
    with pytest.raises(UsernameTaken):
        services.moderation.rename(
            OPERATOR, person.user_id, display_name="Eve", username=other.username.upper()
        )
    assert services.accounts.find(person.user_id).display_name == "Ada"
    assert trail(services, person) == []


def test_setting_a_password_ends_every_session(services: Services) -> None:
    person = Person.register(services)
    services.moderation.set_password(OPERATOR, person.user_id, "another password")
    with pytest.raises(SessionRevoked):
        services.sessions.verify(person.identity)
    with pytest.raises(InvalidCredentials):
        services.accounts.log_in(person.username, PASSWORD)
    services.accounts.log_in(person.username, "another password")


def test_a_deletion_removes_the_person_and_keeps_the_sums(
    services: Services, stores: Stores
) -> None:
    person, other = Person.register(services, "Ada Lovelace"), Person.register(services, "Ben")
    person.score(3)
    other.score()
    services.moderation.rename(OPERATOR, person.user_id, display_name="Countess", username=None)
    services.moderation.delete(OPERATOR, person.user_id)
    assert names(services) == [(1, "Ben", 1)]
    assert services.redis.zscore(keys.INDEX_SCORES, person.user_id) is None
    with pytest.raises(NotFound):
        services.moderation.find(person.username)
    with pytest.raises(InvalidCredentials):
        services.accounts.log_in(person.username, PASSWORD)
    for _ in range(2):
        with pytest.raises((SessionRevoked, AuthInvalid)):
            services.sessions.verify(person.identity)
        empty(stores.redis_url)
    assert not any("Lovelace" in str(entry) for entry in trail(services, person))
    Person.register(services)
    services.accounts.register(person.username, PASSWORD, "Another")
    services.reconciler.run_pass()
    assert services.ledger_check.verify().sound
    services.redis.flushall()
    services.reconciler.run_pass()
    assert services.redis.zcard(keys.INDEX_SCORES) == 1
    assert services.ledger_check.verify().sound


def test_revoked_points_stay_in_the_ledger_and_the_sum_holds(services: Services) -> None:
    person, other = Person.register(services, "Ada"), Person.register(services, "Ben")
    person.score(2)
    other.score(2)
    since = datetime.now(UTC)
    person.score(3)
    assert names(services) == [(1, "Ada", 5), (2, "Ben", 2)]
    assert services.moderation.revoke_points(OPERATOR, person.user_id, since).revoked_points == 3
    # The order is that of before: Ada reached this score first.
    assert names(services) == [(1, "Ada", 2), (1, "Ben", 2)]
    services.reconciler.run_pass()
    assert services.ledger_check.verify().sound
    assert services.moderation.revoke_points(OPERATOR, person.user_id, since).revoked_points == 0
    assert services.moderation.revoke_points(OPERATOR, person.user_id).revoked_points == 2
    assert names(services) == [(1, "Ben", 2)]
    assert person.score().score == 1
    assert services.ledger_check.verify().sound
    assert [entry.details["points"] for entry in trail(services, person)] == [2, 3]


def test_points_since_a_time_do_not_include_points_that_were_revoked_before(
    services: Services,
) -> None:
    person = Person.register(services)
    person.score(4)
    since = datetime.now(UTC)
    assert services.moderation.revoke_points(OPERATOR, person.user_id).revoked_points == 4
    person.score(3)
    assert services.moderation.revoke_points(OPERATOR, person.user_id, since).revoked_points == 3
    assert services.accounts.find(person.user_id).score == 0
    assert services.ledger_check.verify().ledger == ()


def test_an_admin_may_not_ban_delete_or_set_the_password_of_another_admin(
    services: Services,
) -> None:
    other = Person.register(services)
    services.moderation.set_role(OPERATOR, other.user_id, "admin")
    admin = Initiator("admin:another", "because", is_admin=True)
    for attempt in (
        lambda: services.moderation.ban(admin, other.user_id),
        lambda: services.moderation.delete(admin, other.user_id),
        lambda: services.moderation.set_password(admin, other.user_id, "another password"),
    ):
        with pytest.raises(Forbidden):
            attempt()
    services.sessions.verify(other.identity)
    services.moderation.ban(OPERATOR, other.user_id)


def test_a_ban_raises_the_version_if_the_index_misses_points_of_the_player(
    services: Services,
) -> None:
    """The index has an old score of the player, which is too low for the board."""
    leaders = [Person.register(services) for _ in range(10)]
    for leader in leaders:
        leader.score(3)
    player = Person.register(services)
    player.score()
    # Stored before the points that are never published.
    version = services.leaderboard.top().version.number
    for _ in range(4):
        record_unpublished_point(services, player)
    services.moderation.ban(OPERATOR, player.user_id)
    assert services.leaderboard.top().version.number > version


def test_a_refresh_after_an_unpublished_ban_is_refused_as_banned(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = services.accounts.register("ada", PASSWORD, "Ada")
    identity = services.verifier.verify(login.tokens.refresh_token, "refresh")
    stop_publishing_accounts(monkeypatch)
    services.moderation.ban(OPERATOR, login.user.id)
    with pytest.raises(UserBanned):
        services.sessions.refresh(identity)


def test_a_rule_does_not_shorten_an_operators_flag(services: Services) -> None:
    person = Person.register(services)
    services.moderation.flag(OPERATOR, person.user_id, 7 * 86_400)
    before = services.accounts.find(person.user_id).account
    with services.database.transaction() as connection:
        sanction_rows.flag(connection, person.user_id, before.flagged_at + 5_000, 60, extend=True)
    after = services.accounts.find(person.user_id).account
    assert after.flagged_until == before.flagged_until
    assert after.flagged_at == before.flagged_at


def test_after_a_ban_the_board_shows_the_player_that_moved_up(services: Services) -> None:
    people = [Person.register(services, f"Player {number:02}") for number in range(12)]
    for number, person in enumerate(people):
        person.score(20 - number)
    assert [row.display_name for row in services.leaderboard.top().rows][-1] == "Player 09"
    services.moderation.ban(OPERATOR, people[0].user_id)
    assert [row.display_name for row in services.leaderboard.top().rows][-1] == "Player 10"
    # The twelfth player is on no stored board yet, and passes the player that moved up.
    version = services.leaderboard.top().version.number
    raised = people[11].score(2).board_version or 0
    assert raised > version
    assert services.leaderboard.top().rows[-1].display_name == "Player 11"


def test_an_unknown_user_is_not_found(services: Services) -> None:
    for name in ("unregistered", "00000000-0000-4000-8000-000000000000", "", "%"):
        with pytest.raises(NotFound):
            services.moderation.find(name)
    with pytest.raises(NotFound):
        services.moderation.ban(OPERATOR, "00000000-0000-4000-8000-000000000000")
