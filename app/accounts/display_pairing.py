"""Pairs a screen with a display token by a short code, as a television does (RFC 8628).

The screen shows a code. An operator types it, and the screen collects its token with a secret that
it never shows. Only Redis holds a pairing; if it is lost, the screen asks for a new code.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

import redis

from app.accounts.display_tokens import DisplayTokens, IssuedDisplayToken
from app.audit.audited_change import Initiator
from app.contract import keys
from app.contract.errors import NotFound, RedisUnavailable
from app.storage.redis import redis_errors

CODE_SECONDS = 600
"""How long a code is valid."""
COLLECT_SECONDS = 120
"""How long the screen can collect its token after the pairing."""
POLL_SECONDS = 2
"""How often a screen asks for its token."""
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""Consonants only, so that no code is a word and no letter looks like a digit (RFC 8628, 6.1)."""
_CODE_LENGTH = 6
_ATTEMPTS = 5


@dataclass(frozen=True)
class Pairing:
    """A code for the operator, and the secret with which the screen collects its token."""

    code: str
    secret: str


class DisplayPairing:
    """Issues codes to screens and tokens to paired screens; raises RedisUnavailable."""

    def __init__(self, client: redis.Redis, tokens: DisplayTokens) -> None:
        self._client = client
        self._tokens = tokens

    def start(self) -> Pairing:
        """A new code, valid for CODE_SECONDS."""
        secret = secrets.token_urlsafe(32)
        for _ in range(_ATTEMPTS):
            code = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
            with redis_errors():
                # NX: another screen may show the same code at this moment.
                name = keys.pairing_code(code)
                if self._client.set(name, _screen(secret), ex=CODE_SECONDS, nx=True):
                    return Pairing(f"{code[:3]}-{code[3:]}", secret)
        raise RedisUnavailable()

    def pair(self, initiator: Initiator, code: str, name: str, seconds: int) -> IssuedDisplayToken:
        """Give the screen that shows the code a token that expires after that time.

        The code works once, in upper or lower case, with or without its hyphen. Raises NotFound.
        """
        letters = "".join(letter for letter in code.upper() if letter in _LETTERS)
        with redis_errors():
            # Read and deleted in one step, so that two operators do not issue two tokens.
            screen = self._client.getdel(keys.pairing_code(letters))
        if screen is None:
            raise NotFound(
                "The code is wrong or older than ten minutes. Look again, or reload the page of the"
                " screen"
            )
        issued = self._tokens.issue(initiator, name, seconds)
        with redis_errors():
            self._client.set(keys.paired_screen(str(screen)), issued.jwt, ex=COLLECT_SECONDS)
        return issued

    def collect(self, secret: str) -> str | None:
        """The token of the screen with that secret; None until an operator has typed the code.

        The token can be collected again for COLLECT_SECONDS, because a reply may be lost.
        """
        with redis_errors():
            token = self._client.get(keys.paired_screen(_screen(secret)))
        return None if token is None else str(token)


def _screen(secret: str) -> str:
    """The name of a screen in Redis, from which its secret can't be computed."""
    return hashlib.sha256(secret.encode()).hexdigest()
