"""`flask tokens`: creating, listing and revoking display tokens, and the audit entries."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.audit.audit_rows import AuditEntry
from app.contract import keys
from app.contract.errors import AuthInvalid, SessionRevoked
from tests.app.cli.conftest import Run, runner
from tests.app.cli.test_user_commands import NOT_PUBLISHED, OPERATOR, refused, succeeds
from tests.support.services import Services
from tests.support.system.harness import free_ports

pytestmark = pytest.mark.slow


def issue(run: Run, *words: str) -> str:
    """The token that `flask tokens display` prints."""
    _, token, _, address = succeeds(run, "tokens", "display", *words).splitlines()
    assert address.endswith(f"/?display#{token}")
    return token


def audit_trail(services: Services) -> list[AuditEntry]:
    return services.moderation_reads.audit(limit=100)


def listed(run: Run) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(succeeds(run, "tokens", "list", "--format", "json"))
    return found


def test_a_display_token_may_watch_for_the_given_days(services: Services, run: Run) -> None:
    token = issue(run, "--days", "3", "--name", "hall screen")
    identity = services.viewer_authentication.identify(token)
    services.viewer_authentication.verify(identity)
    assert abs(identity.expires_at - time.time() - 3 * 86400) < 10
    (row,) = listed(run)
    assert (row["id"], row["name"], row["createdBy"]) == (
        identity.token_id,
        "hall screen",
        OPERATOR,
    )
    expires = datetime.fromisoformat(str(row["expiresAt"]))
    assert abs(expires - datetime.now(UTC) - timedelta(days=3)) < timedelta(seconds=10)
    (entry,) = audit_trail(services)
    assert (entry.actor, entry.act, entry.user_id) == (OPERATOR, "issue-display-token", None)
    assert entry.details["id"] == identity.token_id


def test_a_screen_is_paired_by_the_code_that_it_shows(services: Services, run: Run) -> None:
    pairing = services.display_pairing.start()
    words = ("tokens", "pair", pairing.code, "--days", "3", "--name", "main hall")
    printed = succeeds(run, *words)
    (row,) = listed(run)
    assert printed.startswith(f"Paired main hall (token {row['id']}) until ")
    token = services.display_pairing.collect(pairing.secret)
    assert token is not None
    assert services.viewer_authentication.identify(token).token_id == row["id"]
    assert "The code is wrong" in refused(run, *words)


def test_the_printed_address_is_that_of_the_page(make_services: Callable[..., Services]) -> None:
    origins = {
        "https://scores.example,https://other.example": "https://scores.example/?display#",
        "*": "/?display#",
    }
    for setting, start in origins.items():
        output = succeeds(runner(make_services(ALLOWED_ORIGINS=setting)), "tokens", "display")
        assert output.splitlines()[-1].startswith(start)


def test_a_display_token_is_neither_an_access_nor_a_refresh_token(
    services: Services, run: Run
) -> None:
    token = issue(run)
    for expected in ("access", "refresh"):
        with pytest.raises(AuthInvalid):
            services.verifier.verify(token, expected)


@pytest.mark.parametrize("by_name", [True, False], ids=["by name", "by id"])
def test_a_revoked_token_stays_revoked(services: Services, run: Run, by_name: bool) -> None:
    token, other = issue(run, "--name", "hall"), issue(run, "--name", "foyer")
    identity = services.viewer_authentication.identify(token)
    services.viewer_authentication.verify(identity)
    word = "hall" if by_name else identity.token_id
    output = succeeds(run, "tokens", "revoke", word, "--reason", "it was filmed")
    assert output == f"Revoked {identity.token_id} (hall)\n"
    for forget in (lambda: None, services.redis.flushall):
        forget()
        with pytest.raises(SessionRevoked):
            services.viewer_authentication.verify(identity)
        services.viewer_authentication.verify(services.viewer_authentication.identify(other))
    entry = audit_trail(services)[0]
    assert (entry.actor, entry.act, entry.reason) == (
        OPERATOR,
        "revoke-display-token",
        "it was filmed",
    )
    rows = {row["name"]: row for row in listed(run)}
    assert (rows["hall"]["stands"], rows["hall"]["revokedBy"]) == (False, OPERATOR)
    assert (rows["foyer"]["stands"], rows["foyer"]["revokedAt"]) == (True, None)
    again = succeeds(run, "tokens", "revoke", identity.token_id)
    assert again == f"{identity.token_id} (hall) is already revoked\n"
    assert len(audit_trail(services)) == 3


def test_a_token_that_postgresql_does_not_have_is_invalid(services: Services, run: Run) -> None:
    identity = services.viewer_authentication.identify(issue(run))
    with services.database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM display_tokens")
    with pytest.raises(AuthInvalid):
        services.viewer_authentication.verify(identity)


def test_a_token_that_cannot_be_revoked_is_a_one_line_error(run: Run) -> None:
    assert refused(run, "tokens", "revoke", "nothing") == "There is no such token"
    for _ in range(2):
        issue(run, "--name", "twin")
    assert refused(run, "tokens", "revoke", "twin").startswith("Several tokens have this name. ")
    for row in listed(run):
        succeeds(run, "tokens", "revoke", str(row["id"]))
    assert refused(run, "tokens", "revoke", "twin") == "There is no such token"
    assert refused(run, "tokens", "display", "--name", "\n") != ""
    assert run("tokens", "display", "--days", "0").exit_code == 2


def test_the_table_shows_whether_a_token_is_valid(services: Services, run: Run) -> None:
    for name in ("valid", "revoked", "expired"):
        issue(run, "--name", name)
    succeeds(run, "tokens", "revoke", "revoked")
    with services.database.transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE display_tokens SET expires_at = now() - interval '1 s' WHERE name = 'expired'"
        )
    headings, expired, revoked, valid = succeeds(run, "tokens", "list").splitlines()
    assert headings.split() == ["ID", "NAME", "CREATED", "BY", "STATUS"]
    assert "  expired 20" in expired
    assert "  revoked 20" in revoked
    assert "  until 20" in valid
    # An expired token is not found by its name.
    assert refused(run, "tokens", "revoke", "expired") == "There is no such token"


def test_without_redis_a_token_is_revoked_and_the_reconciler_publishes_it_later(
    make_services: Callable[..., Services], services: Services, run: Run
) -> None:
    services.reconciler.run_pass()
    token = issue(run)
    identity = services.viewer_authentication.identify(token)
    services.viewer_authentication.verify(identity)
    away = make_services(REDIS_URL=f"redis://127.0.0.1:{free_ports(1)[0]}")
    result = runner(away)("tokens", "revoke", "display")
    assert (result.exit_code, result.stderr) == (0, NOT_PUBLISHED)
    with pytest.raises(SessionRevoked):
        away.viewer_authentication.verify(identity)
    assert services.redis.get(keys.session(identity.user_id, identity.session_id)) == "active"
    services.reconciler.run_pass()
    with pytest.raises(SessionRevoked):
        services.viewer_authentication.verify(identity)
