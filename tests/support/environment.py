"""Settings for tests: real keys, fast password hashes, no limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path

from config.settings import VARIABLES, BroadcasterSettings
from tools.secrets_file import new_private_key, new_secret, public_key_of

API_SECRETS = {variable.name for variable in VARIABLES if variable.secret} - {
    each.metadata["variable"].name for each in fields(BroadcasterSettings)
}
"""The secrets that a broadcaster must not have."""
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
"""The library that sets the clock of a process; None if Debian's package is not installed."""
_UNLIMITED = "1000000 per minute"


@cache
def base_environment() -> dict[str, str]:
    """The variables that all processes of a run share, with secrets made once per run."""
    return {
        # Tests set PORT, which would change the default to all addresses.
        "HOST": "127.0.0.1",
        "JWT_PRIVATE_KEY": new_private_key(),
        "ACTION_TOKEN_SECRET": new_secret(),
        "BCRYPT_COST": "4",
        "WEAK_PASSWORD_HASHES": "true",
        "AUTH_LIMIT": _UNLIMITED,
        "LOGIN_FAILURE_LIMIT": _UNLIMITED,
        "READ_LIMIT": _UNLIMITED,
        "TOKEN_LIMIT": _UNLIMITED,
        "INCREMENT_LIMIT": _UNLIMITED,
        "SERVICE_LIMIT": _UNLIMITED,
        "FRAUD_RAPID_MAX": "1000000",
    }


def without_api_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The same environment for a broadcaster: the public key instead of the API's secrets."""
    keys = public_key_of(environment["JWT_PRIVATE_KEY"]) + environment.get("JWT_PUBLIC_KEYS", "")
    kept = {name: value for name, value in environment.items() if name not in API_SECRETS}
    return kept | {"JWT_PUBLIC_KEYS": keys}
