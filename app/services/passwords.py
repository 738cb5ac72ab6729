"""Password hashes: bcrypt, whose limit of 72 bytes is refused by the schemas, never cut off."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager

import bcrypt


class Passwords:
    """Hashes and checks passwords at one cost; `at_work` is entered for as long as that takes."""

    def __init__(self, cost: int, at_work: Callable[[], AbstractContextManager[None]]) -> None:
        self._cost = cost
        self._at_work = at_work
        self._nobodys = self.hash(secrets.token_hex(16))

    def hash(self, password: str) -> str:
        """A salted hash of the password."""
        with self._at_work():
            return bcrypt.hashpw(password.encode(), bcrypt.gensalt(self._cost)).decode()

    def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether the password has that hash; None takes as long and is never true."""
        # An unknown user must cost what a wrong password does, or names could be found by time.
        with self._at_work():
            found = bcrypt.checkpw(password.encode(), (password_hash or self._nobodys).encode())
        return found and password_hash is not None
