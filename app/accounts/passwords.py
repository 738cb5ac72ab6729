"""Password hashes: bcrypt. The schemas refuse more than its 72 bytes, so nothing is cut off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import Enum, auto

import bcrypt

from app.accounts.rules import fits_bcrypt, password_form
from app.concurrency.bulkhead import Bulkhead, BulkheadFull
from app.contract.errors import ServerBusy


class Match(Enum):
    """What a hash was made of, compared with a password."""

    NONE = auto()
    """The hash is of another password."""
    FORM = auto()
    TYPED = auto()
    """The hash is of the typed characters: an older version stored it, without normalising them."""


class Hasher:
    """Hashes and checks passwords at one cost, inside the context that `while_hashing` makes."""

    def __init__(
        self, cost: int, while_hashing: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._cost = cost
        self._while_hashing = while_hashing

    def hash(self, password: str) -> str:
        """A salted hash of the password's form, which must fit bcrypt."""
        form = password_form(password)
        with self._while_hashing():
            return bcrypt.hashpw(form.encode(), bcrypt.gensalt(self._cost)).decode()

    def compare(self, password: str, password_hash: str) -> Match:
        """Whether the hash is of this password, or of its characters as they were typed."""
        form = password_form(password)
        if fits_bcrypt(form) and self._is_hash_of(form, password_hash):
            return Match.FORM
        if password != form and fits_bcrypt(password) and self._is_hash_of(password, password_hash):
            return Match.TYPED
        return Match.NONE

    def _is_hash_of(self, text: str, password_hash: str) -> bool:
        with self._while_hashing():
            return bcrypt.checkpw(text.encode(), password_hash.encode())


class Passwords:
    """Gives callers the hasher one after the other, because each hash takes 0.25 s of a CPU."""

    def __init__(self, hasher: Hasher, bulkhead: Bulkhead) -> None:
        self._hasher = hasher
        self._bulkhead = bulkhead

    def allow_waiting(self, callers: int) -> None:
        """Set how many callers may wait for the hasher. The server has a thread for each."""
        self._bulkhead.max_waiting = callers

    @contextmanager
    def hasher(self) -> Iterator[Hasher]:
        """The hasher, for this caller during the block.

        Raises ServerBusy if too many callers wait for it, or after a wait of some seconds. Enter
        the block without a transaction, which would hold a connection during the wait.
        """
        try:
            with self._bulkhead.entered():
                yield self._hasher
        except BulkheadFull as full:
            raise ServerBusy() from full
