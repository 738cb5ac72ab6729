"""Action tokens: the right to one point, signed here and verified without I/O (flow 3).

Format: base64url(userId:timestamp:nonce).base64url(HMAC-SHA256), with the timestamp in ms of
Redis' clock. For a board other than `main` the payload is userId:timestamp:nonce:board.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from typing import NamedTuple

from app.boards.board import MAIN_KEY
from app.contract.errors import TokenInvalid

_PAYLOAD = re.compile(r"([0-9a-f-]{36}):([1-9][0-9]{0,13}):([0-9a-f]{32})(?::([a-z0-9-]{1,64}))?")
"""The time is before the year 5139, which PostgreSQL can store."""
_MAX_LENGTH = 300


class ActionToken(NamedTuple):
    """A token with a valid signature; issued_at in ms since 1970."""

    user_id: str
    issued_at: int
    nonce: str
    board: str = MAIN_KEY


class ActionTokenCodec:
    """Encodes and decodes action tokens with one secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @staticmethod
    def new_nonce() -> str:
        """128 random bits in hexadecimal."""
        return secrets.token_hex(16)

    def encode(self, token: ActionToken) -> str:
        """The token as clients send it."""
        board = "" if token.board == MAIN_KEY else f":{token.board}"
        return self._sign(f"{token.user_id}:{token.issued_at}:{token.nonce}{board}".encode())

    def decode(self, text: str, owner: str) -> ActionToken:
        """The token if it is well formed, signed by this secret and issued to `owner`.

        Raises TokenInvalid otherwise.
        """
        if len(text) > _MAX_LENGTH:
            raise TokenInvalid()
        try:
            payload = _decode(text.partition(".")[0])
            found = _PAYLOAD.fullmatch(payload.decode("ascii"))
        except ValueError:
            raise TokenInvalid() from None
        # Compared with the payload encoded again, so that a token has one spelling only: base64 has
        # spare bits, which another encoder may set.
        if not found or not hmac.compare_digest(
            text.encode(errors="replace"), self._sign(payload).encode()
        ):
            raise TokenInvalid()
        user_id, issued_at, nonce, board = found.groups(MAIN_KEY)
        if not hmac.compare_digest(user_id, owner):
            raise TokenInvalid()
        return ActionToken(user_id, int(issued_at), nonce, board)

    def _sign(self, payload: bytes) -> str:
        signature = hmac.digest(self._secret, payload, "sha256")
        return f"{_encode(payload)}.{_encode(signature)}"


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    padded = text.encode("ascii") + b"=" * (-len(text) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True)
