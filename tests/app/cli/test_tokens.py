"""What `flask tokens` does: a token that is told once, its list, its end, and who did it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.composition import Services
from app.contract import keys
from app.contract.errors import AuthInvalid, SessionRevoked
from app.stores.audit import AuditEntry
from tests.app.cli.conftest import Run, runner
from tests.app.cli.test_acts import ME, UNTOLD, refused, succeeds
from tests.system.running import free_ports

pytestmark = pytest.mark.slow


def issue(run: Run, *words: str) -> str:
    """The token of what `flask tokens display` says."""
    _, token, _, address = succeeds(run, "tokens", "display", *words).splitlines()
    assert address.endswith(f"/?display#{token}")
    return token


def trail(services: Services) -> list[AuditEntry]:
    return services.inspection.audit(limit=100)


def listed(run: Run) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(succeeds(run, "tokens", "list", "--format", "json"))
    return found


def test_a_display_gets_a_token_that_may_watch_for_its_days(services: Services, run: Run) -> None:
    token = issue(run, "--days", "3", "--name", "hall screen")
    identity = services.watching.identify(token)
    services.watching.verify(identity)
    assert abs(identity.expires_at - time.time() - 3 * 86400) < 10
    (row,) = listed(run)
    assert (row["id"], row["name"], row["createdBy"]) == (identity.token_id, "hall screen", ME)
    expires = datetime.fromisoformat(str(row["expiresAt"]))
    assert abs(expires - datetime.now(UTC) - timedelta(days=3)) < timedelta(seconds=10)
    (entry,) = trail(services)
    assert (entry.actor, entry.act, entry.user_id) == (ME, "issue-display-token", None)
    assert entry.details["id"] == identity.token_id


def test_the_address_is_that_of_the_page(make_services: Callable[..., Services]) -> None:
    origins = {
        "https://scores.example,https://other.example": "https://scores.example/?display#",
        "*": "/?display#",
    }
    for setting, start in origins.items():
        said = succeeds(runner(make_services(ALLOWED_ORIGINS=setting)), "tokens", "display")
        assert said.splitlines()[-1].startswith(start)


def test_a_display_token_is_neither_an_access_nor_a_refresh_token(
    services: Services, run: Run
) -> None:
    token = issue(run)
    for expected in ("access", "refresh"):
        with pytest.raises(AuthInvalid):
            services.verifier.verify(token, expected)


@pytest.mark.parametrize("by_name", [True, False], ids=["by name", "by id"])
def test_a_revoked_token_is_over_for_good(services: Services, run: Run, by_name: bool) -> None:
    token, other = issue(run, "--name", "hall"), issue(run, "--name", "foyer")
    identity = services.watching.identify(token)
    services.watching.verify(identity)
    word = "hall" if by_name else identity.token_id
    said = succeeds(run, "tokens", "revoke", word, "--reason", "it was filmed")
    assert said == f"Revoked {identity.token_id} (hall)\n"
    for forget in (lambda: None, services.redis.flushall):
        forget()
        with pytest.raises(SessionRevoked):
            services.watching.verify(identity)
        services.watching.verify(services.watching.identify(other))
    entry = trail(services)[0]
    assert (entry.actor, entry.act, entry.reason) == (ME, "revoke-display-token", "it was filmed")
    rows = {row["name"]: row for row in listed(run)}
    assert (rows["hall"]["stands"], rows["hall"]["revokedBy"]) == (False, ME)
    assert (rows["foyer"]["stands"], rows["foyer"]["revokedAt"]) == (True, None)
    again = succeeds(run, "tokens", "revoke", identity.token_id)
    assert again == f"{identity.token_id} (hall) was revoked before\n"
    assert len(trail(services)) == 3


def test_a_token_that_postgresql_does_not_have_is_none(services: Services, run: Run) -> None:
    identity = services.watching.identify(issue(run))
    with services.database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM display_tokens")
    with pytest.raises(AuthInvalid):
        services.watching.verify(identity)


def test_what_can_not_be_revoked_is_said_in_a_line(run: Run) -> None:
    assert refused(run, "tokens", "revoke", "nothing") == "There is no such token"
    for _ in range(2):
        issue(run, "--name", "twin")
    assert refused(run, "tokens", "revoke", "twin").startswith("Several tokens have this name; ")
    for row in listed(run):
        succeeds(run, "tokens", "revoke", str(row["id"]))
    assert refused(run, "tokens", "revoke", "twin") == "There is no such token"
    assert refused(run, "tokens", "display", "--name", "\n") != ""
    assert run("tokens", "display", "--days", "0").exit_code == 2


def test_the_table_shows_whether_a_token_stands(services: Services, run: Run) -> None:
    for name in ("standing", "ended", "over"):
        issue(run, "--name", name)
    succeeds(run, "tokens", "revoke", "ended")
    with services.database.transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE display_tokens SET expires_at = now() - interval '1 s' WHERE name = 'over'"
        )
    headings, over, ended, standing = succeeds(run, "tokens", "list").splitlines()
    assert headings.split() == ["ID", "NAME", "CREATED", "BY", "STATUS"]
    assert "  expired 20" in over
    assert "  revoked 20" in ended
    assert "  until 20" in standing
    # One that is over has nothing left to be revoked by its name.
    assert refused(run, "tokens", "revoke", "over") == "There is no such token"


def test_without_redis_a_token_is_ended_and_redis_told_when_it_is_back(
    make_services: Callable[..., Services], services: Services, run: Run
) -> None:
    services.index_keeper.keep()
    token = issue(run)
    identity = services.watching.identify(token)
    services.watching.verify(identity)
    away = make_services(REDIS_URL=f"redis://127.0.0.1:{free_ports(1)[0]}")
    result = runner(away)("tokens", "revoke", "display")
    assert (result.exit_code, result.stderr) == (0, UNTOLD)
    with pytest.raises(SessionRevoked):
        away.watching.verify(identity)
    assert services.redis.get(keys.session(identity.user_id, identity.session_id)) == "active"
    services.index_keeper.keep()
    with pytest.raises(SessionRevoked):
        services.watching.verify(identity)
