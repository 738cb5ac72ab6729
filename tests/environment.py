"""Settings for tests: real keys, cheap passwords, limits that stay out of the way."""

from __future__ import annotations

from functools import cache

from tools.secrets_file import new_private_key, new_secret

_UNLIMITED = "1000000 per minute"


@cache
def base_environment() -> dict[str, str]:
    """The variables that every test's processes share; secrets are made once a run."""
    return {
        # Where PORT is set the default would be every address.
        "HOST": "127.0.0.1",
        "JWT_PRIVATE_KEY": new_private_key(),
        "ACTION_TOKEN_SECRET": new_secret(),
        "BCRYPT_COST": "4",
        "AUTH_LIMIT": _UNLIMITED,
        "LOGIN_FAILURE_LIMIT": _UNLIMITED,
        "READ_LIMIT": _UNLIMITED,
        "TOKEN_LIMIT": _UNLIMITED,
        "INCREMENT_LIMIT": _UNLIMITED,
        "FRAUD_RAPID_MAX": "1000000",
    }
