"""How the text of a variable becomes a value; whatever is wrong is a ValueError that says so."""

from __future__ import annotations

import re
from collections.abc import Callable

from limits import RateLimitItem, parse_many

MINIMUM_SECRET_BYTES = 32


def integer(minimum: int, maximum: int | None = None) -> Callable[[str], int]:
    """A parser of whole numbers within these bounds."""

    def parse(text: str) -> int:
        value = int(text)
        if value < minimum or (maximum is not None and value > maximum):
            upper = "" if maximum is None else f" and at most {maximum}"
            raise ValueError(f"must be at least {minimum}{upper}")
        return value

    return parse


def boolean(text: str) -> bool:
    """true or false."""
    if text.lower() not in {"true", "false"}:
        raise ValueError("must be true or false")
    return text.lower() == "true"


def boolean_or_auto(text: str) -> bool | None:
    """true, false, or auto, which is None."""
    return None if text.lower() == "auto" else boolean(text)


def fraction(text: str) -> float:
    """A number from 0 to below 1."""
    value = float(text)
    if not 0 <= value < 1:
        raise ValueError("must be at least 0 and less than 1")
    return value


def rate_limits(text: str) -> tuple[RateLimitItem, ...]:
    """Limits as the limits library writes them, all of which hold at once."""
    limits = tuple(parse_many(text))
    if not all(limit.amount > 0 and limit.get_expiry() > 0 for limit in limits):
        raise ValueError("must allow something in some time")
    return limits


def rate_limit(text: str) -> RateLimitItem:
    """One limit."""
    limit, *others = rate_limits(text)
    if others:
        raise ValueError("must be one limit")
    return limit


def postgres_url(text: str) -> str:
    """The URL with the driver SQLAlchemy is to use; hosts hand out postgres://."""
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+psycopg2"}:
        raise ValueError("must start with postgresql://")
    return f"postgresql+psycopg2://{rest}"


def optional_postgres_url(text: str) -> str:
    """The same, or nothing."""
    return postgres_url(text) if text else ""


def websocket_url(text: str) -> str:
    """The URL of a WebSocket, or nothing."""
    if text and not re.fullmatch(r"wss?://[A-Za-z0-9.:\[\]-]+(/\S*)?", text):
        raise ValueError("must be like wss://host/ws")
    return text


def secret_bytes(text: str) -> bytes:
    """A secret long enough for HMAC."""
    if len(text.encode()) < MINIMUM_SECRET_BYTES:
        raise ValueError(f"must be at least {MINIMUM_SECRET_BYTES} bytes")
    return text.encode()


def bearer_token(text: str) -> str:
    """A secret that fits into an Authorization header and can't be guessed, or nothing."""
    if text and not re.fullmatch(r"[!-~]{16,}", text):
        raise ValueError("must be 16 printable ASCII characters at least, without spaces")
    return text


def log_level(text: str) -> str:
    """The name of a level, in capitals."""
    if text.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
        raise ValueError("must be DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return text.upper()
