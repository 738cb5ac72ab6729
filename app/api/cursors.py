"""Seals the cursors of pages, because the order keys in them count the acts of all boards."""

from __future__ import annotations

import base64
import hmac
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from app.http.services import services


def seal(order_key: str) -> str:
    """The cursor with this order key; the same key has the same cursor (RFC 5297).

    With the ids of two acts of their own, players could count the acts between them, also those
    that a freeze hides.
    """
    return base64.urlsafe_b64encode(_cipher().encrypt(order_key.encode(), None)).decode()


def unseal(cursor: str) -> bytes:
    """The order key in a cursor; raises ValueError.

    A cursor of the version before has it in plain text. Nothing is learned from such a cursor, so
    it works in addresses that users have stored.
    """
    content = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
    try:
        return _cipher().decrypt(content, None)
    except InvalidTag:
        return content


def _cipher() -> AESSIV:
    return _cipher_of(services().settings.action_token_secret)


@lru_cache(1)
def _cipher_of(secret: bytes) -> AESSIV:
    return AESSIV(hmac.digest(secret, b"cursors of pages", "sha512"))
