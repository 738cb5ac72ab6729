"""`flask keys`: creating, listing and revoking service keys."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.contract.errors import ServiceKeyInvalid
from tests.app.cli.conftest import Run
from tests.app.cli.test_user_commands import OPERATOR, refused, succeeds
from tests.support.services import Services

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("key_boards")]


def create(run: Run, *words: str) -> str:
    """The key that `flask keys create` prints."""
    result = run("keys", "create", *words)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("\n") == 1
    return result.stdout.strip()


def listed(run: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(succeeds(run, "keys", "list", "--format", "json"))
    return found


def test_only_the_key_is_on_stdout_and_it_works(services: Services, run: Run) -> None:
    result = run("keys", "create", "judge", "--board", "quiz-night", "--board", "finals")
    key = services.service_keys.authenticate(result.stdout.removesuffix("\n"))
    assert (key.name, key.boards) == ("judge", frozenset({"quiz-night", "finals"}))
    told = f"Created {key.id} (judge) for finals, quiz-night, without an end:\n"
    assert result.stderr == told
    (row,) = listed(run)
    assert (row["id"], row["boards"], row["createdBy"], row["expiresAt"]) == (
        key.id,
        ["finals", "quiz-night"],
        OPERATOR,
        None,
    )
    (entry,) = services.moderation_reads.audit(limit=10)
    assert (entry.actor, entry.act, entry.details["id"]) == (
        OPERATOR,
        "create-service-key",
        key.id,
    )


def test_a_key_expires_after_a_duration_or_at_a_time(run: Run) -> None:
    create(run, "judge", "--board", "finals", "--expires", "30d")
    expires_at = datetime.fromisoformat(listed(run)[0]["expiresAt"])
    assert abs(expires_at - datetime.now(UTC) - timedelta(days=30)) < timedelta(seconds=10)
    create(run, "judge", "--board", "finals", "--expires", "2100-01-02T03:04")
    assert listed(run)[0]["expiresAt"] == "2100-01-02T03:04:00.000Z"


def test_a_key_that_cannot_be_created_is_a_one_line_error(run: Run) -> None:
    past = ("--board", "finals", "--expires", "2020-01-01")
    assert refused(run, "keys", "create", "judge", *past) == "expiresAt: Has passed."
    message = refused(run, "keys", "create", "judge", "--board", "No Board")
    assert message == "boards: There is no board No Board."
    assert refused(run, "keys", "create", "\n", "--board", "finals").startswith("NAME: ")
    for words in (("judge",), ("judge", "--board", "finals", "--expires", "soon")):
        assert run("keys", "create", *words).exit_code == 2
    assert listed(run) == []


def test_a_revoked_key_stays_revoked(services: Services, run: Run) -> None:
    text, other = (create(run, name, "--board", "finals") for name in ("judge", "game"))
    key_id = services.service_keys.authenticate(text).id
    output = succeeds(run, "keys", "revoke", key_id, "--yes", "--reason", "it leaked")
    assert output == f"Revoked {key_id} (judge) for finals\n"
    with pytest.raises(ServiceKeyInvalid):
        services.service_keys.authenticate(text)
    assert services.service_keys.authenticate(other).name == "game"
    entry = services.moderation_reads.audit(limit=10)[0]
    assert (entry.actor, entry.act, entry.reason) == (OPERATOR, "revoke-service-key", "it leaked")
    again = succeeds(run, "keys", "revoke", key_id, "--yes")
    assert again == f"{key_id} (judge) for finals is already revoked\n"
    unknown = refused(run, "keys", "revoke", uuid.uuid4().hex, "--yes")
    assert unknown == "There is no such service key"


def test_revoking_asks_first(services: Services, run: Run) -> None:
    text = create(run, "judge", "--board", "finals")
    key_id = services.service_keys.authenticate(text).id
    assert run("keys", "revoke", key_id, typed="n\n").exit_code == 1
    assert services.service_keys.authenticate(text).id == key_id
    result = run("keys", "revoke", key_id, typed="y\n")
    assert result.output.startswith(f"Revoke {key_id} (judge) for finals for good? [y/N]: y\n")
    with pytest.raises(ServiceKeyInvalid):
        services.service_keys.authenticate(text)


def test_the_table_shows_the_last_use_and_whether_a_key_is_valid(
    services: Services, run: Run
) -> None:
    for name in ("endless", "used", "revoked", "expired"):
        end = ("--expires", "1h") if name == "expired" else ()
        text = create(run, name, "--board", "finals", *end)
        if name == "used":
            services.service_keys.authenticate(text)
    with services.database.transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE service_keys SET expires_at = clock_timestamp() WHERE name = 'expired'"
        )
    succeeds(run, "keys", "revoke", listed(run)[1]["id"], "--yes")
    headings, expired, revoked, used, endless = succeeds(run, "keys", "list").splitlines()
    assert headings.split() == ["ID", "NAME", "BOARDS", "CREATED", "BY", "LAST", "USED", "STATUS"]
    assert "  expired 20" in expired
    assert "  revoked 20" in revoked
    assert "  never  " in endless
    assert endless.endswith("  without an end")
    assert "  never  " not in used
