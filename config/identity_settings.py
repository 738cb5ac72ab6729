"""Settings of passwords and tokens."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from config import parsers
from config.rsa_keys import parse_private_key, parse_public_keys
from config.variables import variable

BCRYPT_COSTS = range(4, 32)
LEAST_SAFE_BCRYPT_COST = 10


@dataclass(frozen=True)
class VerificationSettings:
    """What a process needs to verify JWTs, without a secret."""

    jwt_public_keys: tuple[RSAPublicKey, ...] = variable(
        "JWT_PUBLIC_KEYS",
        "public keys in PEM that are accepted, in addition to that of JWT_PRIVATE_KEY;"
        " required for a broadcaster without JWT_PRIVATE_KEY",
        "",
        parse_public_keys,
    )
    """All accepted keys: that of JWT_PRIVATE_KEY, if it is set, and those of the variable."""
    jwt_issuer: str = variable("JWT_ISSUER", "`iss` of JWTs", "live-scoreboard")
    jwt_audience: str = variable("JWT_AUDIENCE", "`aud` of JWTs", "live-scoreboard")
    access_token_seconds: int = variable(
        "ACCESS_TOKEN_SECONDS", "lifetime of an access token", "900", parsers.integer(1)
    )


@dataclass(frozen=True)
class IdentitySettings:
    """What only the API and operators' commands need."""

    jwt_private_key: RSAPrivateKey = variable(
        "JWT_PRIVATE_KEY",
        "RSA key in PEM that signs JWTs; `python -m tools.secrets_file` makes one",
        None,
        parse_private_key,
        secret=True,
    )
    refresh_token_seconds: int = variable(
        "REFRESH_TOKEN_SECONDS", "lifetime of a refresh token", "604800", parsers.integer(1)
    )
    action_token_secret: bytes = variable(
        "ACTION_TOKEN_SECRET",
        "HMAC secret of action tokens, at least 32 bytes; `python -m tools.secrets_file` makes one",
        None,
        parsers.secret_bytes,
        secret=True,
    )
    action_token_seconds: int = variable(
        "ACTION_TOKEN_SECONDS", "lifetime of an action token", "60", parsers.integer(1)
    )
    reserved_names: tuple[str, ...] = variable(
        "RESERVED_NAMES",
        "names that no player can register, comma-separated; also with other letter case and signs",
        "admin,moderator,system",
        parsers.names,
    )
    bcrypt_cost: int = variable(
        "BCRYPT_COST",
        f"work factor of password hashes, at least {LEAST_SAFE_BCRYPT_COST}",
        "12",
        parsers.integer(BCRYPT_COSTS.start, BCRYPT_COSTS.stop - 1),
    )
    weak_password_hashes: bool = variable(
        "WEAK_PASSWORD_HASHES",
        f"for tests only: accepts a BCRYPT_COST from {BCRYPT_COSTS.start}",
        "false",
        parsers.boolean,
    )
