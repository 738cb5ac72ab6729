"""Origins of pages (RFC 6454) as the settings name them."""

from __future__ import annotations

import re

ANY_ORIGIN = "*"
_ORIGIN = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")


def parse_origins(text: str) -> tuple[str, ...]:
    """The origins of a comma-separated list; a pattern among them is refused."""
    origins = tuple(word.strip() for word in text.split(",") if word.strip())
    for origin in origins:
        if origin != ANY_ORIGIN and not _ORIGIN.fullmatch(origin):
            raise ValueError(f"must be {ANY_ORIGIN} or origins like https://host, comma-separated")
    return origins
