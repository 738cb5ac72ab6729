"""The address at which people join, as text and as a QR code for phones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import segno

from app.contract.standings import MAIN
from app.network.addresses import parse_address


@dataclass(frozen=True)
class JoinCode:
    """What a display shows to people who want to play or watch on their own devices."""

    host: str
    """The address without its scheme, because people type it: host and port."""
    path: str
    """The rest of the address, on a line of its own where it does not fit; "" for `main`."""
    picture: str
    """The complete address as an SVG element, made of modules and not of the text."""


@lru_cache(16)
def join_code(origin: str, board: str) -> JoinCode | None:
    """The code of a board's page at `origin`; None if phones can't reach it because it is loopback.

    `board` is the board's key.
    """
    url = urlsplit(origin)
    host = url.hostname or ""
    address = parse_address(host)
    if not host or host == "localhost" or (address is not None and address.is_loopback):
        return None
    path = "" if board == MAIN.board else f"/?board={board}"
    code = segno.make(f"{origin}{path or '/'}", error="m", micro=False)
    # A border of four modules is what scanners need (ISO/IEC 18004).
    picture = code.svg_inline(border=4, omitsize=True, svgclass="join-code", lineclass=None)
    return JoinCode(url.netloc, path, picture)
