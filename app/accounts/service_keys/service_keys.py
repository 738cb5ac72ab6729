"""Creates, lists, revokes and checks service keys."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from app.accounts.service_keys import key_rows as rows
from app.accounts.service_keys.key_rows import ServiceKeyRecord
from app.accounts.service_keys.key_text import ID, SECRET_BYTES, KeyText
from app.audit import audit_rows
from app.audit.audited_change import ChangeResult, Initiator
from app.contract.details import EXPIRES_AT, service_key_details
from app.contract.errors import NotFound, ServiceKeyInvalid, ValidationFailed
from app.contract.limits import SUPPORTED_YEARS, is_supported
from app.storage.database import Database

MAX_BOARDS = 100
"""The boards of one key, which every request with the key reads."""
KnownBoards = Callable[[Connection, Sequence[str]], Collection[str]]
"""Returns those of the given keys that belong to a board."""

_NO_HASH = bytes(SECRET_BYTES)
"""Compared if no key has the id. No secret is known that has this hash."""


@dataclass(frozen=True)
class ServiceKey:
    """A key that a request has proved to have."""

    id: str
    name: str
    boards: frozenset[str]
    """Keys of the boards on which it may score."""


@dataclass(frozen=True)
class IssuedServiceKey:
    """A new key. Its text is not stored, so it can be shown only now."""

    text: str = field(repr=False)
    record: ServiceKeyRecord


class ServiceKeys:
    """The service keys in PostgreSQL; every method raises DatabaseUnavailable.

    `known_boards` is called in the transaction that creates a key.
    """

    def __init__(self, database: Database, known_boards: KnownBoards) -> None:
        self._database = database
        self._known_boards = known_boards

    def create(
        self, initiator: Initiator, name: str, boards: Collection[str], expires_at: datetime | None
    ) -> IssuedServiceKey:
        """Create a key for these boards; without `expires_at` it does not expire.

        Raises ValidationFailed for boards that don't exist and for an end that has passed by
        PostgreSQL's clock.
        """
        key, sorted_boards = KeyText.new(), sorted(set(boards))
        if not 1 <= len(sorted_boards) <= MAX_BOARDS:
            raise _invalid("boards", f"Name 1 to {MAX_BOARDS} boards.")
        if expires_at is not None and not is_supported(expires_at):
            raise _invalid(EXPIRES_AT, SUPPORTED_YEARS)
        with self._database.transaction() as connection:
            self._check_boards(connection, sorted_boards)
            record = rows.insert(
                connection,
                key.id,
                name,
                key.secret_hash(),
                sorted_boards,
                initiator.actor,
                expires_at,
            )
            if not record.valid:
                raise _invalid(EXPIRES_AT, "Has passed.")
            _audit(connection, initiator, "create-service-key", record)
        return IssuedServiceKey(key.reveal(), record)

    def list_all(self) -> list[ServiceKeyRecord]:
        """All keys, newest first."""
        with self._database.reading() as connection:
            return rows.all_keys(connection)

    def find(self, key_id: str) -> ServiceKeyRecord:
        """The key with that id, even if it is revoked or expired; raises NotFound."""
        with self._database.reading() as connection:
            found = rows.find(connection, key_id) if ID.fullmatch(key_id) else None
        if found is None:
            raise NotFound("There is no such service key")
        return found

    def revoke(self, initiator: Initiator, record: ServiceKeyRecord) -> ChangeResult:
        """Refuse the key from the next request on."""
        with self._database.transaction() as connection:
            done = rows.revoke(connection, record.id, initiator.actor)
            if done:
                _audit(connection, initiator, "revoke-service-key", record)
        return ChangeResult(done=done, published=True)

    def authenticate(self, text: str) -> ServiceKey:
        """The key with this text.

        Raises ServiceKeyInvalid, with one message for a malformed, unknown, wrong, expired and
        revoked key. The comparison takes the same time whether or not the id exists.
        """
        sent = KeyText.parse(text)
        if sent is None:
            raise ServiceKeyInvalid(guessed=False)
        stored = rows.credentials(self._database, sent.id)
        expected = stored.secret_hash if stored else _NO_HASH
        if not hmac.compare_digest(sent.secret_hash(), expected) or stored is None:
            raise ServiceKeyInvalid(guessed=True)
        if not stored.valid:
            raise ServiceKeyInvalid(guessed=False)
        if stored.is_use_due:
            rows.note_use(self._database, sent.id)
        return ServiceKey(sent.id, stored.name, frozenset(stored.boards))

    def _check_boards(self, connection: Connection, boards: Sequence[str]) -> None:
        unknown = set(boards) - set(self._known_boards(connection, boards))
        if unknown:
            raise _invalid("boards", f"There is no board {', '.join(sorted(unknown))}.")


def _invalid(name: str, message: str) -> ValidationFailed:
    return ValidationFailed(f"{name}: {message}", {name: [message]})


def _audit(
    connection: Connection, initiator: Initiator, act: str, record: ServiceKeyRecord
) -> None:
    details = service_key_details(record.id, record.name, record.boards, record.expires_at)
    audit_rows.insert(connection, initiator, act, None, details)
