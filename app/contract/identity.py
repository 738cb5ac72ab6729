"""Who a JWT is: RS256 only, the key named by `kid`, several public keys accepted (RFC 7519)."""

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

ALGORITHM = "RS256"
LEEWAY_SECONDS = 10
MOST_VERIFIED = 20_000
"""Tokens that a process remembers as verified; 500 bytes each."""
MOST_HEADERS = 16
"""Headers of tokens that a process remembers; a key's tokens all have the same."""

TokenType = Literal["access", "refresh", "display"]
SessionFlag = Literal["active", "revoked"]
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EXPIRED = "The token has expired"
_REQUIRED = ["iss", "aud", "sub", "sid", "jti", "iat", "exp", "typ"]


@dataclass(frozen=True)
class Identity:
    """The claims of a verified JWT: user, session, this token's id, and its end (Unix seconds).

    Of a display, which has neither user nor session, the token's id stands for both.
    """

    user_id: str
    session_id: str
    token_id: str
    expires_at: int
    typ: TokenType = "access"


@dataclass(frozen=True)
class CachedState:
    """What Redis knows of a session and its user; None: nothing."""

    session: SessionFlag | None
    status: str | None


class JwtVerifier:
    """Verifies JWTs by the public keys alone, each access token's signature once.

    That is half of what a request's own checks cost. A session's end is no affair of this class:
    whoever asks it looks that up each time.
    """

    def __init__(self, keys: tuple[RSAPublicKey, ...], issuer: str, audience: str) -> None:
        self._keys = {key_id(key): key for key in keys}
        self._issuer = issuer
        self._audience = audience
        self._verified: LRUCache[bytes, Identity] = LRUCache(MOST_VERIFIED)
        self._lock = threading.Lock()

    def verify(self, token: str, *expected: TokenType) -> Identity:
        """Signature, issuer, audience, times, and a type that is expected; raises AuthInvalid."""
        # The whole token, signature included, is the key; its digest is no secret to be kept.
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        with self._lock:
            identity = self._verified.get(digest)
        if identity is None:
            identity = self._decode(token)
            # A refresh token is used once.
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
            key = self._keys[_named_key(token.partition(".")[0])]
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
            # One answer for all: which check failed is nothing a forger should learn.
            raise AuthInvalid() from None
        if not _uuids(claims, "sub", "sid", "jti"):
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
    """The key's thumbprint (RFC 7638), so that the same key has the same name everywhere."""
    jwk = RSAAlgorithm.to_jwk(key, as_dict=True)
    canonical = json.dumps({name: jwk[name] for name in ("e", "kty", "n")}, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@lru_cache(MOST_HEADERS)
def _named_key(header: str) -> str:
    """The `kid` in a token's header; raises jwt.PyJWTError or KeyError."""
    # PyJWT decodes the whole token to look at its header, and once more to verify it.
    return str(jwt.get_unverified_header(f"{header}..")["kid"])


def _jwk(kid: str, key: RSAPublicKey) -> dict[str, Any]:
    jwk = RSAAlgorithm.to_jwk(key, as_dict=True)
    return {"kty": "RSA", "n": jwk["n"], "e": jwk["e"], "kid": kid, "alg": ALGORITHM, "use": "sig"}


def _uuids(claims: dict[str, Any], *names: str) -> bool:
    return all(UUID.fullmatch(str(claims[name])) for name in names)
