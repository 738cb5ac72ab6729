"""Parses lists of origins (RFC 6454)."""

from __future__ import annotations

import re
from ipaddress import IPv6Address

ANY_ORIGIN = "*"
_ORIGIN = re.compile(r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_PORT = 65535


def page_origin(allowed: tuple[str, ...]) -> str:
    """The address of the page: the first of the allowed origins, empty if all are allowed."""
    return next((origin for origin in allowed if origin != ANY_ORIGIN), "")


def parse_origins(text: str) -> tuple[str, ...]:
    """The origins of a comma-separated list, as browsers send them.

    Raises ValueError, for a pattern too.
    """
    words = (word.strip() for word in text.split(","))
    return tuple(ANY_ORIGIN if word == ANY_ORIGIN else _origin(word) for word in words if word)


def _origin(word: str) -> str:
    match = _ORIGIN.fullmatch(word.lower())
    host = match and _host(match[2])
    port = int(match[3] or _DEFAULT_PORTS[match[1]]) if match else 0
    if match is None or host is None or port > _MAX_PORT:
        raise ValueError(
            f"must be {ANY_ORIGIN} or whole origins without a path, comma-separated; for example"
            f" https://board.example,http://[2001:db8::1]:3000; not {word!r}"
        )
    # Browsers leave out the default port of the scheme.
    return f"{match[1]}://{host}" + ("" if port == _DEFAULT_PORTS[match[1]] else f":{port}")


def _host(host: str) -> str | None:
    if not host.startswith("["):
        return host
    try:
        return f"[{IPv6Address(host[1:-1])}]"
    except ValueError:
        return None
