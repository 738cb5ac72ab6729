"""What moderation does to an account, and that each act can be undone and is written down."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.composition import Services
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
from app.services.moderation import Act
from app.services.scoring import Outcome
from app.stores import audit, moderation
from app.stores.audit import AuditEntry
from tests.app.people import PASSWORD, Person
from tests.servers import Stores, empty

ACT = Act("operator:test", "because")


def trail(services: Services, person: Person) -> list[AuditEntry]:
    with services.database.reading() as connection:
        return audit.find(connection, person.user_id, 100)


def names(services: Services) -> list[tuple[int, str, int]]:
    return [(row.rank, row.display_name, row.score) for row in services.leaderboard.top().rows]


def test_an_act_is_written_down_with_who_when_and_why(services: Services) -> None:
    person = Person.register(services)
    before = datetime.now(UTC)
    services.moderation.ban(Act("operator:ada", "three bots"), person.user_id)
    (entry,) = trail(services, person)
    assert (entry.actor, entry.act, entry.reason) == ("operator:ada", "ban", "three bots")
    assert (entry.at - before).total_seconds() < 5


def test_what_changes_nothing_is_not_written_down(services: Services) -> None:
    person = Person.register(services)
    assert not services.moderation.unban(ACT, person.user_id).done
    assert not services.moderation.unflag(ACT, person.user_id).done
    assert services.moderation.revoke_points(ACT, person.user_id).points == 0
    assert trail(services, person) == []


def test_the_banned_are_told_of_the_ban_not_of_their_ended_session(
    services: Services, stores: Stores
) -> None:
    person = Person.register(services)
    services.moderation.ban(ACT, person.user_id)
    for _ in range(2):
        with pytest.raises(UserBanned):
            services.sessions.verify(person.identity)
        with pytest.raises(UserBanned):
            person.token()
        empty(stores.redis_url)


def test_an_unbanned_player_stands_where_they_stood_among_equals(services: Services) -> None:
    first, second = Person.register(services, "First"), Person.register(services, "Second")
    first.score(2)
    second.score(2)
    services.moderation.ban(ACT, first.user_id)
    assert names(services) == [(1, "Second", 2)]
    services.moderation.unban(ACT, first.user_id)
    assert names(services) == [(1, "First", 2), (1, "Second", 2)]
    with pytest.raises(SessionRevoked):
        services.sessions.verify(first.identity)
    services.accounts.log_in(first.username, PASSWORD)


def test_a_new_name_is_on_the_next_board(services: Services) -> None:
    person = Person.register(services, "Offensive")
    person.score()
    assert names(services) == [(1, "Offensive", 1)]
    services.moderation.rename(ACT, person.user_id, display_name="Mild", username="mild")
    assert names(services) == [(1, "Mild", 1)]
    services.accounts.log_in("MILD", PASSWORD)
    services.sessions.verify(person.identity)


def test_a_taken_name_changes_nothing(services: Services) -> None:
    person, other = Person.register(services, "Ada"), Person.register(services)
    with pytest.raises(UsernameTaken):
        services.moderation.rename(
            ACT, person.user_id, display_name="Eve", username=other.username.upper()
        )
    assert services.accounts.find(person.user_id).display_name == "Ada"
    assert trail(services, person) == []


def test_a_password_that_an_operator_set_ends_every_session(services: Services) -> None:
    person = Person.register(services)
    services.moderation.set_password(ACT, person.user_id, "another password")
    with pytest.raises(SessionRevoked):
        services.sessions.verify(person.identity)
    with pytest.raises(InvalidCredentials):
        services.accounts.log_in(person.username, PASSWORD)
    services.accounts.log_in(person.username, "another password")


def test_deleting_forgets_the_person_and_keeps_the_sums(services: Services, stores: Stores) -> None:
    person, other = Person.register(services, "Ada Lovelace"), Person.register(services, "Ben")
    person.score(3)
    other.score()
    services.moderation.rename(ACT, person.user_id, display_name="Countess", username=None)
    services.moderation.delete(ACT, person.user_id)
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
    services.accounts.register(person.username, PASSWORD, "Somebody else")
    services.index_keeper.keep()
    assert services.ledger_check.verify().sound
    services.redis.flushall()
    services.index_keeper.keep()
    assert services.redis.zcard(keys.INDEX_SCORES) == 1
    assert services.ledger_check.verify().sound


def test_points_taken_back_stay_in_the_history_and_the_sum_holds(services: Services) -> None:
    person, other = Person.register(services, "Ada"), Person.register(services, "Ben")
    person.score(2)
    other.score(2)
    since = datetime.now(UTC)
    person.score(3)
    assert names(services) == [(1, "Ada", 5), (2, "Ben", 2)]
    assert services.moderation.revoke_points(ACT, person.user_id, since).points == 3
    # As before those points: Ada was there first.
    assert names(services) == [(1, "Ada", 2), (1, "Ben", 2)]
    services.index_keeper.keep()
    assert services.ledger_check.verify().sound
    assert services.moderation.revoke_points(ACT, person.user_id, since).points == 0
    assert services.moderation.revoke_points(ACT, person.user_id).points == 2
    assert names(services) == [(1, "Ben", 2)]
    assert person.score().score == 1
    assert services.ledger_check.verify().sound
    assert [entry.details["points"] for entry in trail(services, person)] == [2, 3]


def test_points_since_a_moment_are_those_made_since_whatever_was_taken_back_before(
    services: Services,
) -> None:
    person = Person.register(services)
    person.score(4)
    since = datetime.now(UTC)
    assert services.moderation.revoke_points(ACT, person.user_id).points == 4
    person.score(3)
    assert services.moderation.revoke_points(ACT, person.user_id, since).points == 3
    assert services.accounts.find(person.user_id).score == 0
    assert services.ledger_check.verify().ledger == ()


def test_an_admin_does_not_ban_delete_or_take_over_another_admin(services: Services) -> None:
    other = Person.register(services)
    services.moderation.set_role(ACT, other.user_id, "admin")
    among = Act("admin:somebody", "because", among_admins=True)
    for attempt in (
        lambda: services.moderation.ban(among, other.user_id),
        lambda: services.moderation.delete(among, other.user_id),
        lambda: services.moderation.set_password(among, other.user_id, "another password"),
    ):
        with pytest.raises(Forbidden):
            attempt()
    services.sessions.verify(other.identity)
    services.moderation.ban(ACT, other.user_id)


def test_a_ban_that_the_index_learns_before_the_points_still_raises_the_version(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index knows an outdated score of the player, too low for the board."""
    leaders = [Person.register(services) for _ in range(10)]
    for leader in leaders:
        leader.score(3)
    player = Person.register(services)
    player.score()
    # Stored before the points that the index never learns of.
    version = services.leaderboard.top().version.number
    monkeypatch.setattr(services.scoring, "_place", lambda _: Outcome(0, 0, 0))
    player.score(4)
    monkeypatch.undo()
    services.moderation.ban(ACT, player.user_id)
    assert services.leaderboard.top().version.number > version


def test_a_refresh_after_a_ban_that_redis_was_not_told_of_hears_of_the_ban(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    admitted = services.accounts.register("ada", PASSWORD, "Ada")
    identity = services.verifier.verify(admitted.tokens.refresh_token, "refresh")
    monkeypatch.setattr(services.moderation._propagation, "tell", lambda _: False)
    services.moderation.ban(ACT, admitted.user.id)
    with pytest.raises(UserBanned):
        services.sessions.refresh(identity)


def test_a_rule_never_shortens_an_operators_flag(services: Services) -> None:
    person = Person.register(services)
    services.moderation.flag(ACT, person.user_id, 7 * 86_400)
    before = services.accounts.find(person.user_id).account
    with services.database.transaction() as connection:
        moderation.flag(connection, person.user_id, before.flagged_at + 5_000, 60, extend=True)
    after = services.accounts.find(person.user_id).account
    assert after.flagged_until == before.flagged_until
    assert after.flagged_at == before.flagged_at


def test_a_board_that_lost_a_row_shows_who_moved_up(services: Services) -> None:
    people = [Person.register(services, f"Player {number:02}") for number in range(12)]
    for number, person in enumerate(people):
        person.score(20 - number)
    assert [row.display_name for row in services.leaderboard.top().rows][-1] == "Player 09"
    services.moderation.ban(ACT, people[0].user_id)
    assert [row.display_name for row in services.leaderboard.top().rows][-1] == "Player 10"
    # The twelfth, on no stored board yet, passes the one who moved up.
    version = services.leaderboard.top().version.number
    raised = people[11].score(2).board_version or 0
    assert raised > version
    assert services.leaderboard.top().rows[-1].display_name == "Player 11"


def test_nobody_of_that_name_is_not_found(services: Services) -> None:
    for name in ("nobody", "00000000-0000-4000-8000-000000000000", "", "%"):
        with pytest.raises(NotFound):
            services.moderation.find(name)
    with pytest.raises(NotFound):
        services.moderation.ban(ACT, "00000000-0000-4000-8000-000000000000")
