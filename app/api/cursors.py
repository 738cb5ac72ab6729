"""Seals the cursors of pages, because the order keys in them count the acts of all boards."""

from __future__ import annotations

import base64
import hmac
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from app.http.services import services


class CursorCipher:
    """Encrypts order keys, and accepts only those that it has encrypted (RFC 5297).

    With the ids of two acts of their own, players could count the acts between them, also those
    that a freeze hides. A page after an order key that a player has chosen would show whether its
    id is below that of the player's own act, and sixty such pages would show the id.
    """

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESSIV(hmac.digest(secret, b"cursors of pages", "sha512"))

    def seal(self, order_key: str) -> str:
        """The cursor with this order key; the same key has the same cursor."""
        return base64.urlsafe_b64encode(self._cipher.encrypt(order_key.encode(), None)).decode()

    def unseal(self, cursor: str) -> str:
        """The order key in a cursor; raises ValueError if seal() did not make the cursor."""
        content = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
        try:
            return self._cipher.decrypt(content, None).decode()
        except InvalidTag:
            raise ValueError("not a cursor of this server") from None


def cursor_cipher() -> CursorCipher:
    """The cipher of the app that handles the request."""
    return _cipher_of(services().settings.action_token_secret)


@lru_cache(1)
def _cipher_of(secret: bytes) -> CursorCipher:
    return CursorCipher(secret)
