"""The address at which people join, as text and as a QR code for phones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import segno

from app.network.addresses import parse_address


@dataclass(frozen=True)
class JoinCode:
    """What a display shows to people who want to play."""

    address: str
    """Without its scheme, because people type it."""
    picture: str
    """The complete address as an SVG element, made of modules and not of the text."""


@lru_cache(16)
def join_code(origin: str) -> JoinCode | None:
    """The code of the page at `origin`; None if phones can't reach it because it is loopback."""
    url = urlsplit(origin)
    host = url.hostname or ""
    address = parse_address(host)
    if not host or host == "localhost" or (address is not None and address.is_loopback):
        return None
    code = segno.make(f"{origin}/", error="m", micro=False)
    # A border of four modules is what scanners need (ISO/IEC 18004).
    picture = code.svg_inline(border=4, omitsize=True, svgclass="join-code", lineclass=None)
    return JoinCode(url.netloc, picture)
