"""Service keys: what is stored, which texts are accepted, and the time of the last use."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from app.accounts.service_keys.service_keys import IssuedServiceKey, ServiceKeys
from app.contract.errors import NotFound, ServiceKeyInvalid, ValidationFailed
from tests.support.api_client import ACT
from tests.support.servers import Stores, empty
from tests.support.services import Services

SECRET_LENGTH = 64

pytestmark = pytest.mark.usefixtures("key_boards")


@pytest.fixture
def keys(services: Services) -> ServiceKeys:
    return services.service_keys


@pytest.fixture
def issued(keys: ServiceKeys) -> IssuedServiceKey:
    return keys.create(ACT, "judge", ["quiz-night", "finals"], None)


def sql(services: Services, statement: str) -> list[Any]:
    with services.database.transaction() as connection:
        result = connection.exec_driver_sql(statement)
        return [tuple(row) for row in result] if result.returns_rows else []


def refused(keys: ServiceKeys, text: str) -> ServiceKeyInvalid:
    with pytest.raises(ServiceKeyInvalid) as error:
        keys.authenticate(text)
    assert error.value.message == "The service key is not valid"
    assert error.value.__cause__ is None
    return error.value


def last_used(keys: ServiceKeys, issued: IssuedServiceKey) -> datetime | None:
    return keys.find(issued.record.id).last_used_at


def test_a_key_proves_its_id_name_and_boards(keys: ServiceKeys, issued: IssuedServiceKey) -> None:
    assert re.fullmatch(r"sk_[0-9a-f]{32}_[0-9a-f]{64}", issued.text)
    key = keys.authenticate(issued.text)
    assert (key.id, key.name, key.boards) == (
        issued.record.id,
        "judge",
        frozenset({"quiz-night", "finals"}),
    )
    assert issued.text.split("_")[1] == key.id


def test_two_keys_have_nothing_in_common(keys: ServiceKeys, issued: IssuedServiceKey) -> None:
    other = keys.create(ACT, "judge", ["quiz-night"], None)
    assert not set(issued.text.split("_")[1:]) & set(other.text.split("_")[1:])
    assert keys.authenticate(other.text).boards == {"quiz-night"}


def test_only_a_hash_of_the_secret_is_stored_and_the_audit_and_texts_have_none(
    services: Services, keys: ServiceKeys, issued: IssuedServiceKey
) -> None:
    secret = issued.text.split("_")[2]
    ((row, secret_hash),) = sql(services, "SELECT k::text, secret_hash FROM service_keys k")
    assert bytes(secret_hash) == hashlib.sha256(bytes.fromhex(secret)).digest()
    (entry,) = services.moderation_reads.audit(limit=10)
    assert (entry.actor, entry.act, entry.user_id) == (ACT.actor, "create-service-key", None)
    assert entry.details == {
        "id": issued.record.id,
        "name": "judge",
        "boards": ["finals", "quiz-night"],
        "expiresAt": None,
    }
    shown = f"{row} {json.dumps(entry.details)} {issued!r} {keys.list_all()!r}"
    assert secret not in shown
    assert issued.record.id in shown


DIGITS_OF_ANOTHER_SCRIPT = {ord(digit): chr(0xFF10 + int(digit)) for digit in "0123456789"}
GUESSES: dict[str, Callable[[str], str]] = {
    "another id": lambda text: f"sk_{uuid.uuid4().hex}_{text[-SECRET_LENGTH:]}",
    "another secret": lambda text: text[:-SECRET_LENGTH] + "0" * SECRET_LENGTH,
    "one digit changed": lambda text: text[:-1] + ("0" if text[-1] != "0" else "1"),
}
MALFORMED: dict[str, Callable[[str], str]] = {
    "one digit short": lambda text: text[:-1],
    "cut within the id": lambda text: text[:20],
    "no secret": lambda text: text[:-SECRET_LENGTH],
    "one digit more": lambda text: f"{text}0",
    "line feed after it": lambda text: f"{text}\n",
    "space before it": lambda text: f" {text}",
    "capitals": str.upper,
    "capital prefix": lambda text: text.replace("sk_", "SK_"),
    "capital id": lambda text: f"sk_{text[3:35].upper()}{text[35:]}",
    "another prefix": lambda text: text.replace("sk_", "pk_"),
    "no prefix": lambda text: text.removeprefix("sk_"),
    "other separators": lambda text: text.replace("_", "-"),
    "digits of another script": lambda text: text.translate(DIGITS_OF_ANOTHER_SCRIPT),
    "SQL": lambda _: "sk_' OR true --_x",
    "NUL": lambda _: "\0",
    "a lone surrogate": lambda _: "\ud800",
    "a megabyte": lambda text: text * 10_000,
    "nothing": lambda _: "",
}


def test_any_other_text_is_refused_with_one_message(
    keys: ServiceKeys, issued: IssuedServiceKey
) -> None:
    for changes, guessed in ((GUESSES, True), (MALFORMED, False)):
        for name, change in changes.items():
            assert refused(keys, change(issued.text)).guessed is guessed, name
    # A refused key is no use.
    assert last_used(keys, issued) is None


def test_a_revoked_key_is_refused_from_the_next_call_on_in_every_process(
    make_services: Callable[..., Services], keys: ServiceKeys, issued: IssuedServiceKey
) -> None:
    elsewhere = make_services().service_keys
    assert elsewhere.authenticate(issued.text).id == issued.record.id
    assert keys.revoke(ACT, issued.record).done
    assert not refused(elsewhere, issued.text).guessed
    refused(keys, issued.text)


def test_a_key_is_revoked_once_and_the_audit_has_it_once(
    services: Services, keys: ServiceKeys, issued: IssuedServiceKey
) -> None:
    assert keys.revoke(ACT, issued.record).done
    first = keys.find(issued.record.id)
    assert not keys.revoke(ACT, issued.record).done
    again = keys.find(issued.record.id)
    assert (again.revoked_by, again.valid) == (ACT.actor, False)
    assert again.revoked_at == first.revoked_at is not None
    acts = [entry.act for entry in services.moderation_reads.audit(limit=10)]
    assert acts == ["revoke-service-key", "create-service-key"]


def test_a_key_expires_by_the_clock_of_postgresql(
    services: Services, keys: ServiceKeys, issued: IssuedServiceKey
) -> None:
    key = keys.create(ACT, "judge", ["finals"], datetime.now(UTC) + timedelta(hours=1))
    assert keys.find(key.record.id).valid
    keys.authenticate(key.text)
    sql(
        services,
        "UPDATE service_keys SET expires_at = clock_timestamp() - interval '1 ms'"
        f" WHERE id = '{key.record.id}'",
    )
    assert not refused(keys, key.text).guessed
    assert not keys.find(key.record.id).valid
    assert keys.authenticate(issued.text).id == issued.record.id


def test_an_unknown_id_is_not_found(keys: ServiceKeys) -> None:
    for key_id in (uuid.uuid4().hex, "", "x", "' OR true", "\0"):
        with pytest.raises(NotFound):
            keys.find(key_id)


def test_a_key_names_boards_that_exist(services: Services, keys: ServiceKeys) -> None:
    for boards, message in (
        ([], "Name 1 to 100 boards."),
        ([f"b{number}" for number in range(101)], "Name 1 to 100 boards."),
        (["Quiz"], "There is no board Quiz."),
        (["main", "b c", "ü", "x" * 65], f"There is no board b c, {'x' * 65}, ü."),
    ):
        with pytest.raises(ValidationFailed) as error:
            keys.create(ACT, "judge", boards, None)
        assert error.value.details == {"boards": [message]}
    assert keys.list_all() == []
    assert services.moderation_reads.audit(limit=1) == []


def test_the_boards_are_looked_up_in_the_transaction_that_creates_the_key(
    services: Services,
) -> None:
    asked: list[Sequence[str]] = []

    def known(connection: Connection, keys: Sequence[str]) -> Collection[str]:
        asked.append(keys)
        # Not yet committed, so only this transaction can see it.
        connection.exec_driver_sql("CREATE TABLE seen ()")
        return {"finals"}

    keys = ServiceKeys(services.database, known)
    with pytest.raises(ValidationFailed):
        keys.create(ACT, "judge", ["finals", "gone", "finals"], None)
    assert asked == [["finals", "gone"]]
    assert sql(services, "SELECT to_regclass('seen') IS NULL") == [(True,)]
    assert keys.create(ACT, "judge", ["finals", "finals"], None).record.boards == ["finals"]


def test_a_key_that_would_have_expired_is_not_created(
    services: Services, keys: ServiceKeys
) -> None:
    with pytest.raises(ValidationFailed) as error:
        keys.create(ACT, "judge", ["finals"], datetime.now(UTC) - timedelta(seconds=1))
    assert error.value.details == {"expiresAt": ["Has passed."]}
    assert keys.list_all() == []


def test_the_last_use_is_stored_at_most_once_a_minute(
    services: Services, keys: ServiceKeys, issued: IssuedServiceKey
) -> None:
    assert last_used(keys, issued) is None
    keys.authenticate(issued.text)
    first = last_used(keys, issued)
    assert first is not None
    assert abs(datetime.now(UTC) - first) < timedelta(seconds=5)
    keys.authenticate(issued.text)
    assert last_used(keys, issued) == first
    sql(services, "UPDATE service_keys SET last_used_at = last_used_at - interval '61 s'")
    keys.authenticate(issued.text)
    assert (last_used(keys, issued) or first) > first


def test_a_locked_row_delays_no_request(
    services: Services, keys: ServiceKeys, issued: IssuedServiceKey
) -> None:
    with services.database.transaction() as holder:
        holder.exec_driver_sql("SELECT 1 FROM service_keys FOR UPDATE")
        # Waiting for the lock would end in an error after a second.
        assert keys.authenticate(issued.text).name == "judge"
    assert last_used(keys, issued) is None
    keys.authenticate(issued.text)
    assert last_used(keys, issued) is not None


def test_keys_work_without_redis(
    stores: Stores, make_services: Callable[..., Services], issued: IssuedServiceKey
) -> None:
    empty(stores.redis_url)
    away = make_services(REDIS_URL="redis://127.0.0.1:1")
    assert away.service_keys.authenticate(issued.text).id == issued.record.id
