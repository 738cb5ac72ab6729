"""Finds the WebSocket from the address that the user gave: the site's or the WebSocket's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import Self
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

REPLY_TIMEOUT_SECONDS = 10
_WEBSOCKET_SCHEMES = {"http": "ws", "https": "wss"}


class WatchFailed(Exception):
    """The board can't be watched, and a retry would not help; the message says why."""


@dataclass(frozen=True)
class Address:
    """Where to connect."""

    websocket: str
    site: str | None
    """URL of the API without a trailing slash; None if only the WebSocket's address is known."""
    token: str | None = None
    """The display token, if the address was that of a display."""

    def watching(self, board: str | None, period: str | None) -> Self:
        """The same address for a board and a period; None: as the server chooses."""
        asked = {"board": board, "period": period}
        query = urlencode({name: value for name, value in asked.items() if value})
        return replace(self, websocket=f"{self.websocket}?{query}") if query else self


class _PageParser(HTMLParser):
    """Reads what the live page says about its WebSocket."""

    def __init__(self) -> None:
        super().__init__()
        self.url = ""
        self.port = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "body":
            values = dict(attrs)
            self.url = values.get("data-websocket-url") or ""
            self.port = values.get("data-broadcaster-port") or ""


def resolve_address(url: str) -> Address:
    """Where to connect for this URL; reads the live page to find its WebSocket.

    Raises WatchFailed.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
    except ValueError as error:
        raise WatchFailed(f"{url} is not an address: {error}") from error
    if not parts.hostname or parts.scheme not in {"http", "https", "ws", "wss"}:
        raise WatchFailed(f"{url} is not an http, https, ws or wss address")
    if parts.scheme in {"ws", "wss"}:
        path = parts.path if parts.path not in {"", "/"} else "/ws"
        return Address(f"{parts.scheme}://{parts.netloc}{path}", None)
    site = f"{parts.scheme}://{parts.netloc}"
    is_display = "display" in parse_qs(parts.query, keep_blank_values=True)
    page = _read_page(site)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    websocket = page.url or f"{_WEBSOCKET_SCHEMES[parts.scheme]}://{host}:{page.port}/ws"
    return Address(websocket, site, parts.fragment or None if is_display else None)


def _read_page(site: str) -> _PageParser:
    try:
        reply = requests.get(f"{site}/", timeout=REPLY_TIMEOUT_SECONDS)
        reply.raise_for_status()
    except requests.RequestException as error:
        raise WatchFailed(f"There is no board at {site}: {error}") from error
    page = _PageParser()
    page.feed(reply.text)
    if not page.url and not page.port:
        raise WatchFailed(f"The page at {site} is not a live scoreboard")
    return page
