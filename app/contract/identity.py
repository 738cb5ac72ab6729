"""Signs and verifies JWTs: RS256 only, the key named by `kid`, several public keys (RFC 7519)."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import jwt
from cachetools import LRUCache
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from jwt.algorithms import RSAAlgorithm

from app.contract.errors import AuthInvalid
from app.contract.limits import Ban

ALGORITHM = "RS256"
LEEWAY_SECONDS = 10
MAX_VERIFIED_TOKENS = 20_000
"""Verified tokens that a process caches; 500 bytes each."""
MAX_HEADERS = 16
"""Token headers that a process caches; all tokens of a key have the same header."""

TokenType = Literal["access", "refresh", "display"]
SessionFlag = Literal["active", "revoked"]
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EXPIRED = "The token has expired"
_REQUIRED = ["iss", "aud", "sub", "sid", "jti", "iat", "exp", "typ"]


@dataclass(frozen=True)
class Identity:
    """The claims of a verified JWT; expires_at in Unix seconds.

    A display has neither user nor session; its token id is used for both.
    """

    user_id: str
    session_id: str
    token_id: str
    expires_at: int
    typ: TokenType = "access"


@dataclass(frozen=True)
class CachedState:
    """A session and its user's status as Redis caches them; None: not cached."""

    session: SessionFlag | None
    status: str | None
    ban: Ban | None = None


class JwtVerifier:
    """Verifies JWTs with public keys, and each token's signature only once.

    The signature is half the cost of a request's own checks. This class does not check whether
    the session has ended; its callers do that each time.
    """

    def __init__(self, keys: tuple[RSAPublicKey, ...], issuer: str, audience: str) -> None:
        self._keys = {key_id(key): key for key in keys}
        self._issuer = issuer
        self._audience = audience
        self._verified: LRUCache[bytes, Identity] = LRUCache(MAX_VERIFIED_TOKENS)
        self._lock = threading.Lock()

    def verify(self, token: str, *expected: TokenType) -> Identity:
        """The identity of a token that is valid and of an expected type; raises AuthInvalid."""
        # The digest covers the whole token with its signature, and reveals nothing of it.
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        with self._lock:
            identity = self._verified.get(digest)
        if identity is None:
            identity = self._decode(token)
            # A refresh token is used only once, so it is not cached.
            if identity.typ != "refresh":
                with self._lock:
                    self._verified[digest] = identity
        elif time.time() >= identity.expires_at + LEEWAY_SECONDS:
            raise AuthInvalid(_EXPIRED)
        if identity.typ not in expected:
            raise AuthInvalid()
        return identity

    def _decode(self, token: str) -> Identity:
        try:
            key = self._keys[_key_id_in(token.partition(".")[0])]
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_SECONDS,
                options={"require": _REQUIRED},
            )
        except jwt.ExpiredSignatureError:
            raise AuthInvalid(_EXPIRED) from None
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            # One answer for all checks, so that a forger does not learn which one failed.
            raise AuthInvalid() from None
        if not _are_uuids(claims, "sub", "sid", "jti"):
            raise AuthInvalid()
        return Identity(
            claims["sub"], claims["sid"], claims["jti"], int(claims["exp"]), claims["typ"]
        )

    def jwks(self) -> dict[str, Any]:
        """The public keys as a JWK set (RFC 7517)."""
        return {"keys": [_jwk(kid, key) for kid, key in self._keys.items()]}


class JwtSigner:
    """Signs JWTs with the private key."""

    def __init__(self, key: RSAPrivateKey, issuer: str, audience: str) -> None:
        self._key = key
        self._headers = {"kid": key_id(key.public_key())}
        self._common = {"iss": issuer, "aud": audience}

    def sign(self, identity: Identity, typ: TokenType, issued_at: int) -> str:
        """The JWT of this identity; issued_at in Unix seconds."""
        claims = {
            **self._common,
            "sub": identity.user_id,
            "sid": identity.session_id,
            "jti": identity.token_id,
            "iat": issued_at,
            "exp": identity.expires_at,
            "typ": typ,
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers=self._headers)


def key_id(key: RSAPublicKey) -> str:
    """The key's thumbprint (RFC 7638): the same in each process that has the key."""
    jwk = RSAAlgorithm.to_jwk(key, as_dict=True)
    canonical = json.dumps({name: jwk[name] for name in ("e", "kty", "n")}, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@lru_cache(MAX_HEADERS)
def _key_id_in(header: str) -> str:
    """The `kid` in the header of a JWT; raises jwt.PyJWTError or KeyError."""
    # With the header alone, because PyJWT would decode the whole token here and again to verify it.
    found = jwt.get_unverified_header(f"{header}..")
    # The same keys sign documents, whose type is another one (RFC 8725, section 3.11).
    if found["typ"] != "JWT":
        raise jwt.InvalidTokenError("not a token")
    return str(found["kid"])


def _jwk(kid: str, key: RSAPublicKey) -> dict[str, Any]:
    jwk = RSAAlgorithm.to_jwk(key, as_dict=True)
    return {"kty": "RSA", "n": jwk["n"], "e": jwk["e"], "kid": kid, "alg": ALGORITHM, "use": "sig"}


def _are_uuids(claims: dict[str, Any], *names: str) -> bool:
    return all(UUID.fullmatch(str(claims[name])) for name in names)
