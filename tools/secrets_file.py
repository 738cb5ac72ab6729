"""New secrets: stored in files that only their owner can read, or printed.

`python -m tools.secrets_file FILE` adds the secrets that FILE does not have yet, and
`python -m tools.secrets_file` prints a new set.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from tools.startup import run

RSA_BITS = 2048
_SECRET_BYTES = 48
_PASSWORD_BYTES = 24
_PRIVATE_KEY, _PUBLIC_KEYS = "JWT_PRIVATE_KEY", "JWT_PUBLIC_KEYS"
_ASSIGNMENT = re.compile(r"^(?P<name>[A-Z_]+)=(?P<quote>['\"]?)(?P<value>.+)(?P=quote)$", re.M)


def new_private_key() -> str:
    """An RSA key that signs JWTs, in PEM (PKCS #8)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_key_of(private_key: str) -> str:
    """The public half of a private key, in PEM; raises ValueError."""
    key = load_pem_private_key(private_key.encode(), None).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def new_secret() -> str:
    """A secret for HMAC."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def new_password() -> str:
    """A password that needs no escaping in a URL."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


MAKERS: dict[str, Callable[[], str]] = {
    _PRIVATE_KEY: new_private_key,
    "ACTION_TOKEN_SECRET": new_secret,
    "POSTGRES_PASSWORD": new_password,
    "VALKEY_PASSWORD": new_password,
    "METRICS_TOKEN": new_password,
    "GRAFANA_PASSWORD": new_password,
}
"""How to make each secret of docker-compose.yml; JWT_PUBLIC_KEYS follows from JWT_PRIVATE_KEY."""


def read_or_create(path: Path, make: Callable[[], str]) -> str:
    """The file's text; a missing file is made by `make` first and readable only by its owner."""
    if not path.exists():
        staging = path.with_name(f"{path.name}.new")
        staging.touch(mode=0o600)
        staging.write_text(make())
        staging.rename(path)
    return path.read_text()


def missing_secrets(text: str) -> dict[str, str]:
    """Values for the secrets that have none in `text`, which has the form of a .env.

    A PEM key is on one line, with its line ends escaped. Raises ValueError if `text` has a private
    key that can't be read.
    """
    present = {found["name"]: found["value"] for found in _ASSIGNMENT.finditer(text)}
    made = {name: make() for name, make in MAKERS.items() if name not in present}
    if _PUBLIC_KEYS not in present:
        private_key = made.get(_PRIVATE_KEY) or present[_PRIVATE_KEY].replace("\\n", "\n")
        made[_PUBLIC_KEYS] = public_key_of(private_key)
    return {name: value.replace("\n", "\\n") for name, value in made.items()}


def complete(path: Path) -> list[str]:
    """Add the missing secrets to the file and let only its owner read it; returns their names."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        text = file.read()
        made = missing_secrets(text)
        if text and not text.endswith("\n"):
            file.write("\n")
        file.write(_lines(made))
    return list(made)


def _lines(values: dict[str, str]) -> str:
    return "".join(f"{name}='{value}'\n" for name, value in values.items())


def main(arguments: Sequence[str] = ()) -> int:
    """Complete the file that is named, or print new secrets."""
    parser = argparse.ArgumentParser(prog="python -m tools.secrets_file", description=__doc__)
    parser.add_argument(
        "file", nargs="?", type=Path, help="for example .env; made if it is missing"
    )
    path: Path | None = parser.parse_args(arguments).file
    if path is None:
        print(_lines(missing_secrets("")), end="")
        return 0
    try:
        made = complete(path)
    except (OSError, ValueError) as error:
        print(f"{path} can't be completed: {error}", file=sys.stderr)
        return 1
    print(f"{path}: added {', '.join(made)}" if made else f"{path}: nothing was missing")
    return 0


if __name__ == "__main__":
    run(lambda: main(sys.argv[1:]))
