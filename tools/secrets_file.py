"""Fresh secrets, kept in files of their owner alone or printed for the .env of Docker Compose.

Run `python -m tools.secrets_file > .env`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

RSA_BITS = 2048
_SECRET_BYTES = 48
_PASSWORD_BYTES = 24


def new_private_key() -> str:
    """An RSA key in PEM (PKCS #8) to sign JWTs with."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def new_secret() -> str:
    """A secret for HMAC."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def new_password() -> str:
    """A password that may stand in a URL as it is."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def kept(path: Path, make: Callable[[], str]) -> str:
    """What `make` made the first time, from a file that only its owner can read."""
    if not path.exists():
        staging = path.with_name(f"{path.name}.new")
        staging.touch(mode=0o600)
        staging.write_text(make())
        staging.rename(path)
    return path.read_text()


def main() -> None:
    """Print a .env with new secrets; PEM on one line, its line ends escaped."""
    key = new_private_key().replace("\n", "\\n")
    print(f"JWT_PRIVATE_KEY='{key}'")
    print(f"ACTION_TOKEN_SECRET={new_secret()}")
    print(f"POSTGRES_PASSWORD={new_password()}")
    print(f"METRICS_TOKEN={new_password()}")
    print(f"GRAFANA_PASSWORD={new_password()}")


if __name__ == "__main__":
    main()
