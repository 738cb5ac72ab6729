"""`flask users`: each act, its audit entry, its reversal and its errors."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.accounts import rules
from app.audit.audit_rows import AuditEntry
from app.contract import keys
from app.contract.errors import InvalidCredentials, SessionRevoked, UserBanned
from tests.app.cli.conftest import Run, runner
from tests.support.players import PASSWORD, Person
from tests.support.services import Services
from tests.support.system.harness import free_ports

pytestmark = pytest.mark.slow

OPERATOR = f"operator:{pwd.getpwuid(os.getuid()).pw_name}"
NEW_PASSWORD = "a new horse battery"
NOT_PUBLISHED = "The change is in the database. Redis is unavailable and will get it later.\n"


@pytest.fixture
def ada(services: Services) -> Person:
    """A player with three points."""
    person = Person.register(services, "Ada")
    person.score(3)
    return person


def succeeds(run: Run, *words: str, typed: str | None = None) -> str:
    result = run(*words, typed=typed)
    assert result.exit_code == 0, result.output
    return result.output


def refused(run: Run, *words: str, typed: str | None = None) -> str:
    """The error message of a command that fails, which is one line."""
    result = run(*words, typed=typed)
    assert result.exit_code == 1, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    return line.removeprefix("Error: ")


def audit_trail(services: Services, person: Person) -> list[AuditEntry]:
    return services.moderation_reads.audit(user_id=person.user_id, limit=100)


def board(services: Services) -> list[tuple[str, int]]:
    # A command runs in another process, whose message clears the API's cached board.
    services.local_board.clear()
    return [(row.display_name, row.score) for row in services.leaderboard.top().rows]


def test_a_ban_lasts_until_an_unban_and_both_are_audited(
    services: Services, run: Run, ada: Person
) -> None:
    output = succeeds(run, "users", "ban", ada.username, "--reason", "three bots")
    assert output == f"Banned {ada.username} (Ada) until unbanned\n"
    assert board(services) == []
    with pytest.raises(UserBanned):
        services.accounts.log_in(ada.username, PASSWORD)
    assert succeeds(run, "users", "unban", ada.user_id) == f"Unbanned {ada.username} (Ada)\n"
    assert board(services) == [("Ada", 3)]
    unban, ban = audit_trail(services, ada)
    assert (ban.actor, ban.act, ban.reason) == (OPERATOR, "ban", "three bots")
    assert (unban.actor, unban.act, unban.reason) == (OPERATOR, "unban", "no reason given")


def test_a_ban_may_have_a_reason_for_the_player_which_is_audited_too(
    services: Services, run: Run, ada: Person
) -> None:
    words = ("users", "ban", ada.username, "--reason", "told by Bea", "--public-reason")
    succeeds(run, *words, "One account for each player")
    with pytest.raises(UserBanned) as banned:
        services.accounts.log_in(ada.username, PASSWORD)
    assert banned.value.ban is not None
    assert banned.value.ban.reason == "One account for each player"
    assert audit_trail(services, ada)[0].details["publicReason"] == "One account for each player"
    assert "Length must be between 1 and 200" in refused(run, *words, "x" * 201)


def test_a_timed_ban_ends_after_the_given_duration(
    services: Services, run: Run, ada: Person
) -> None:
    for duration, seconds in (("45s", 45), ("30m", 1800), ("2h", 7200), ("7d", 604800)):
        before = datetime.now(UTC)
        succeeds(run, "users", "ban", ada.username, "--reason", "cheats", "--for", duration)
        until = services.moderation_reads.user(ada.user_id).banned_until
        assert until is not None
        assert abs(until - before - timedelta(seconds=seconds)) < timedelta(seconds=5)


def test_an_invalid_duration_is_refused(services: Services, run: Run, ada: Person) -> None:
    for duration in ("2", "2w", "-2h", "0s", "h", "99999999d", ""):
        result = run("users", "ban", ada.username, "--reason", "cheats", "--for", duration)
        assert result.exit_code == 2
        assert "is not a duration such as 30m, 2h or 7d" in result.stderr
    assert board(services) == [("Ada", 3)]


def test_acts_that_take_something_away_require_a_reason(
    services: Services, run: Run, ada: Person
) -> None:
    for words in (("users", "ban"), ("users", "delete", "--yes"), ("scores", "revoke", "--yes")):
        result = run(*words, ada.username)
        assert result.exit_code == 2
        assert "--reason" in result.stderr
        assert "--reason: Length" in refused(run, *words, ada.username, "--reason", "  ")
    assert board(services) == [("Ada", 3)]
    assert audit_trail(services, ada) == []


def test_a_flag_reduces_the_limit_until_an_unflag(
    services: Services, run: Run, ada: Person
) -> None:
    succeeds(run, "users", "flag", ada.username, "--for", "30m", "--reason", "odd pauses")
    assert services.accounts.find(ada.user_id).account.status == "flagged"
    assert services.scoring.issue_token(ada.identity).flagged
    succeeds(run, "users", "unflag", ada.username)
    assert services.accounts.find(ada.user_id).account.status == "active"
    assert not services.scoring.issue_token(ada.identity).flagged
    assert [entry.act for entry in audit_trail(services, ada)] == ["unflag", "flag"]


def test_a_command_with_nothing_to_undo_says_so_and_is_not_audited(
    services: Services, run: Run, ada: Person
) -> None:
    assert succeeds(run, "users", "unban", ada.username) == f"{ada.username} is not banned\n"
    assert succeeds(run, "users", "unflag", ada.username) == f"{ada.username} is not flagged\n"
    assert audit_trail(services, ada) == []


def test_a_banned_user_cannot_be_flagged(services: Services, run: Run, ada: Person) -> None:
    succeeds(run, "users", "ban", ada.username, "--reason", "cheats")
    assert "is banned" in refused(run, "users", "flag", ada.username)


def test_a_rename_shows_on_the_board_at_once(services: Services, run: Run, ada: Person) -> None:
    assert board(services) == [("Ada", 3)]
    succeeds(run, "users", "rename", ada.username, "--display-name", " Player 7 ")
    assert board(services) == [("Player 7", 3)]
    succeeds(run, "users", "rename", ada.username, "--username", "player7")
    assert services.accounts.find(ada.user_id).username == "player7"
    assert board(services) == [("Player 7", 3)]


def test_refused_names_change_nothing(services: Services, run: Run, ada: Person) -> None:
    other = Person.register(services)
    rename = ("users", "rename", ada.username)
    assert refused(run, *rename, "--username", other.username) == "This username is taken"
    assert refused(run, *rename, "--username", "a b") == f"--username: {rules.USERNAME_RULE}"
    assert "--display-name: Only characters" in refused(run, *rename, "--display-name", "a\u202eb")
    assert "--display-name: Length" in refused(run, *rename, "--display-name", " ")
    assert "--display-name: Only characters" in refused(run, *rename, "--display-name", "\u3164")
    assert run(*rename).exit_code == 2
    assert services.accounts.find(ada.user_id).username == ada.username
    assert board(services) == [("Ada", 3)]


def test_a_password_is_entered_twice_and_never_shown(
    services: Services, run: Run, ada: Person
) -> None:
    output = succeeds(
        run, "users", "set-password", ada.username, typed=f"{NEW_PASSWORD}\n{NEW_PASSWORD}\n"
    )
    assert NEW_PASSWORD not in output
    with pytest.raises(SessionRevoked):
        services.sessions.verify(ada.identity)
    with pytest.raises(InvalidCredentials):
        services.accounts.log_in(ada.username, PASSWORD)
    services.accounts.log_in(ada.username, NEW_PASSWORD)


def test_a_password_can_come_from_stdin(services: Services, run: Run, ada: Person) -> None:
    succeeds(run, "users", "set-password", ada.username, "--stdin", typed=f"{NEW_PASSWORD}\n")
    services.accounts.log_in(ada.username, NEW_PASSWORD)


def test_a_refused_password_changes_nothing(services: Services, run: Run, ada: Person) -> None:
    from_stdin = ("users", "set-password", ada.username, "--stdin")
    assert "password: Shorter than" in refused(run, *from_stdin, typed="short\n")
    assert "password: Longer than 72 bytes" in refused(run, *from_stdin, typed="é" * 37)
    assert "password: Shorter than" in refused(run, *from_stdin, typed="")
    services.accounts.log_in(ada.username, PASSWORD)


def test_deleting_asks_for_confirmation(services: Services, run: Run, ada: Person) -> None:
    delete = ("users", "delete", ada.username, "--reason", "asked for it")
    result = run(*delete, typed="n\n")
    assert result.exit_code == 1
    assert f"Delete {ada.username} (Ada) for good? [y/N]" in result.stdout
    assert board(services) == [("Ada", 3)]
    succeeds(run, *delete, typed="y\n")
    assert board(services) == []
    assert refused(run, *delete) == "There is no such user"


def test_deleting_with_yes_does_not_ask(services: Services, run: Run, ada: Person) -> None:
    succeeds(run, "users", "delete", ada.username, "--reason", "asked for it", "--yes")
    assert board(services) == []


def test_the_admin_role_is_granted_and_revoked(services: Services, run: Run, ada: Person) -> None:
    assert (
        succeeds(run, "users", "grant-admin", ada.username) == f"{ada.username} is now an admin\n"
    )
    assert services.accounts.find(ada.user_id).role == "admin"
    again = succeeds(run, "users", "grant-admin", ada.username)
    assert again == f"{ada.username} is already an admin\n"
    succeeds(run, "users", "revoke-admin", ada.username)
    assert services.accounts.find(ada.user_id).role == "player"
    details = [entry.details for entry in audit_trail(services, ada)]
    assert details == [{"role": "player"}, {"role": "admin"}]


def test_without_redis_a_ban_is_stored_in_the_database_and_says_so(
    services: Services, make_services: Callable[..., Services], ada: Person
) -> None:
    (port,) = free_ports(1)
    run = runner(make_services(REDIS_URL=f"redis://127.0.0.1:{port}/0"))
    ban = run("users", "ban", ada.username, "--reason", "cheats")
    assert (ban.exit_code, ban.stderr) == (0, NOT_PUBLISHED)
    assert services.redis.zscore(keys.INDEX_SCORES, ada.user_id) == 3
    services.reconciler.run_pass()
    assert services.redis.zscore(keys.INDEX_SCORES, ada.user_id) is None
    assert run("users", "show", ada.username).exit_code == 0


def test_without_postgresql_the_error_is_one_line(make_services: Callable[..., Services]) -> None:
    (port,) = free_ports(1)
    run = runner(make_services(DATABASE_URL=f"postgresql://nobody@127.0.0.1:{port}/none"))
    problem = "OperationalError: Connection refused"
    expected = f"PostgreSQL failed ({problem}); check DATABASE_URL and the server"
    assert refused(run, "users", "list") == expected
