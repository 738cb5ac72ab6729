"""Parses RSA keys in PEM."""

from __future__ import annotations

import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

MIN_RSA_BITS = 2048
_PEM_BLOCK = re.compile(r"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)


def parse_private_key(text: str) -> RSAPrivateKey:
    """The key; raises ValueError, which quotes no part of it."""
    try:
        key = load_pem_private_key(_unfold(text).encode(), password=None)
    except TypeError:
        raise ValueError("must not be encrypted") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < MIN_RSA_BITS:
        raise ValueError(f"must be an RSA key of at least {MIN_RSA_BITS} bits")
    return key


def parse_public_keys(text: str) -> tuple[RSAPublicKey, ...]:
    """The keys, one PEM block after the other; raises ValueError."""
    blocks = _PEM_BLOCK.findall(_unfold(text))
    try:
        keys = [load_pem_public_key(pem.encode()) for pem in blocks]
    except (ValueError, UnsupportedAlgorithm):
        keys = []
    if text.strip() and not keys:
        raise ValueError("must be public keys in PEM, one after the other")
    if not all(isinstance(key, RSAPublicKey) and key.key_size >= MIN_RSA_BITS for key in keys):
        raise ValueError(f"must be RSA keys of at least {MIN_RSA_BITS} bits")
    return tuple(key for key in keys if isinstance(key, RSAPublicKey))


def _unfold(text: str) -> str:
    # Docker Compose and most hosting platforms keep a variable on one line, with escaped line ends.
    return text.replace("\\n", "\n")
