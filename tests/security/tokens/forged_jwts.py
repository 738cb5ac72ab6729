"""Forged JWTs, with any header, claims, key and signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from config.rsa_keys import parse_private_key
from tests.support.environment import base_environment

Claims = dict[str, Any]


def encoded(data: bytes | dict[str, Any]) -> str:
    """base64url without padding, of bytes or of an object as JSON."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def claims_of(token: str) -> Claims:
    """The claims of a JWT."""
    found: Claims = decoded(token.split(".")[1])
    return found


def header_of(token: str) -> dict[str, Any]:
    """The header of a JWT."""
    found: dict[str, Any] = decoded(token.split(".", maxsplit=1)[0])
    return found


@cache
def server_key() -> RSAPrivateKey:
    """The key of the servers under test, for tokens with a single error."""
    return parse_private_key(base_environment()["JWT_PRIVATE_KEY"])


@cache
def other_key() -> RSAPrivateKey:
    """A key that the servers do not know."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signed(claims: Claims, header: dict[str, Any], key: RSAPrivateKey | None = None) -> str:
    """RS256 over any header and claims, with the server's key by default."""
    message = f"{encoded({'alg': 'RS256', 'typ': 'JWT'} | header)}.{encoded(claims)}"
    signature = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(
        message.encode(), key or server_key()
    )
    return f"{message}.{encoded(signature)}"


def by_hmac(claims: Claims, header: dict[str, Any], secret: bytes) -> str:
    """HS256 with a value that a verifier may take for a secret."""
    message = f"{encoded({'alg': 'HS256', 'typ': 'JWT'} | header)}.{encoded(claims)}"
    return f"{message}.{encoded(hmac.digest(secret, message.encode(), hashlib.sha256))}"


def unsigned(claims: Claims, header: dict[str, Any], signature: str = "") -> str:
    """A token without a signature, or with an invented one."""
    return f"{encoded({'typ': 'JWT'} | header)}.{encoded(claims)}.{signature}"


def but(claims: Claims, **changes: Any) -> Claims:
    """The claims with changes; None removes a claim."""
    return {name: value for name, value in (claims | changes).items() if value is not None}


def display_claims(claims: Claims) -> Claims:
    """The claims of a display token that the server has not issued."""
    number = str(uuid.uuid4())
    return but(claims, typ="display", sub=number, sid=number, jti=number, exp=time.time() + 60)
