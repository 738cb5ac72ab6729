"""The address that the user gave: the site's or the WebSocket's."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

_HTTP_SCHEMES = {"ws": "http", "wss": "https"}


class WatchFailed(Exception):
    """The board can't be watched, and a retry would not help; the message says why."""


@dataclass(frozen=True)
class Address:
    """Where to connect."""

    site: str
    """URL of the API without a trailing slash; of a WebSocket's address, the same host and port."""
    websocket: str | None
    """None: the client asks the site for it."""
    token: str | None = None
    """The display token, if the address was that of a display."""


def parse_address(url: str) -> Address:
    """Where to connect for this URL; raises WatchFailed."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
    except ValueError as error:
        raise WatchFailed(f"{url} is not an address: {error}") from error
    if not parts.hostname or parts.scheme not in {"http", "https", "ws", "wss"}:
        raise WatchFailed(f"{url} is not an http, https, ws or wss address")
    if parts.scheme in _HTTP_SCHEMES:
        path = parts.path if parts.path not in {"", "/"} else "/ws"
        websocket = f"{parts.scheme}://{parts.netloc}{path}"
        return Address(f"{_HTTP_SCHEMES[parts.scheme]}://{parts.netloc}", websocket)
    is_display = "display" in parse_qs(parts.query, keep_blank_values=True)
    token = parts.fragment or None if is_display else None
    return Address(f"{parts.scheme}://{parts.netloc}", None, token)
