"""Parsers of variables; each raises ValueError with a message for the operator."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import psycopg2
from limits import RateLimitItem, parse_many
from psycopg2.extensions import make_dsn
from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.exc import ArgumentError

MIN_SECRET_BYTES = 32
PORTS = range(1, 65536)


def integer(minimum: int, maximum: int | None = None) -> Callable[[str], int]:
    """A parser of whole numbers between these bounds."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ValueError("must be a whole number") from None
        if value < minimum or (maximum is not None and value > maximum):
            upper = "" if maximum is None else f" and at most {maximum}"
            raise ValueError(f"must be at least {minimum}{upper}")
        return value

    return parse


def host(text: str) -> str:
    """A name or an address to listen on; IPv6 with or without brackets."""
    return text.removeprefix("[").removesuffix("]")


def boolean(text: str) -> bool:
    """true or false."""
    if text.lower() not in {"true", "false"}:
        raise ValueError("must be true or false")
    return text.lower() == "true"


def boolean_or_auto(text: str) -> bool | None:
    """true, false, or auto, which is None."""
    return None if text.lower() == "auto" else boolean(text)


def words(*known: str) -> Callable[[str], frozenset[str]]:
    """A parser of comma-separated words, each of which is one of `known`."""

    def parse(text: str) -> frozenset[str]:
        found = frozenset(word.strip().lower() for word in text.split(",") if word.strip())
        if not found <= set(known):
            raise ValueError(f"must be of {', '.join(known)}; for example {known[0]},{known[1]}")
        return found

    return parse


def one_of(*names: str) -> Callable[[str], str]:
    """A parser that accepts these names."""

    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"must be {' or '.join(names)}")
        return text

    return parse


def fraction(text: str) -> float:
    """A number that is at least 0 and less than 1."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError("must be a number") from None
    if not 0 <= value < 1:
        raise ValueError("must be at least 0 and less than 1")
    return value


def rate_limits(text: str) -> tuple[RateLimitItem, ...]:
    """Limits in the notation of the limits library; all of them apply."""
    try:
        limits = tuple(parse_many(text))
    except ValueError:
        raise ValueError("must be like 5 per minute, or 2 per second;100 per hour") from None
    if not all(limit.amount > 0 and limit.get_expiry() > 0 for limit in limits):
        raise ValueError("must have an amount and a time above 0")
    return limits


def rate_limit(text: str) -> RateLimitItem:
    """One limit in that notation."""
    limit, *others = rate_limits(text)
    if others:
        raise ValueError("must be one limit")
    return limit


def postgres_url(text: str) -> str:
    """The URL with SQLAlchemy's driver; raises ValueError, which quotes no part of it.

    Hosting platforms set postgres:// too.
    """
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+psycopg2"}:
        raise ValueError("must start with postgresql://")
    url = f"postgresql+psycopg2://{rest}"
    try:
        dialect: Any = PGDialect_psycopg2
        _, arguments = dialect().create_connect_args(make_url(url))
        make_dsn(**arguments)
    except (ArgumentError, ValueError, psycopg2.Error):
        raise ValueError(
            "must be like postgresql://user:password@host:5432/database, with / ? # @ % in a"
            " password percent-encoded"
        ) from None
    return url


def optional_postgres_url(text: str) -> str:
    """The same, or an empty text."""
    return postgres_url(text) if text else ""


def websocket_url(text: str) -> str:
    """The URL of a WebSocket, its path at the page's own address, or an empty text."""
    if text and not re.fullmatch(r"wss?://[A-Za-z0-9.:\[\]-]+(/\S*)?|/(?!/)\S*", text):
        raise ValueError("must be like wss://host/ws or /ws")
    return text


def host_port(text: str) -> tuple[str, int] | None:
    """A host and a port; None for an empty text."""
    if not text:
        return None
    found = re.fullmatch(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})", text)
    if found is None or int(found["port"]) not in PORTS:
        raise ValueError("must be like 127.0.0.1:8000")
    return found["host"].strip("[]"), int(found["port"])


def secret_bytes(text: str) -> bytes:
    """A secret that is long enough for HMAC."""
    if len(text.encode()) < MIN_SECRET_BYTES:
        raise ValueError(f"must be at least {MIN_SECRET_BYTES} bytes")
    return text.encode()


def bearer_token(text: str) -> str:
    """A secret for an Authorization header that can't be guessed, or an empty text."""
    if text and not re.fullmatch(r"[!-~]{16,}", text):
        raise ValueError("must be at least 16 printable ASCII characters without spaces")
    return text


def names(text: str) -> tuple[str, ...]:
    """A comma-separated list of names."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def log_level(text: str) -> str:
    """The name of a level, in capitals."""
    if text.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
        raise ValueError("must be DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return text.upper()
