"""From what somebody has at hand, the site's address or the WebSocket's, to where to connect."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import requests

ANSWER_SECONDS = 10
_SECURE = {"http": "ws", "https": "wss"}


class WatchingFailed(Exception):
    """Nothing can be watched, and trying again won't help; the message says why."""


@dataclass(frozen=True)
class Address:
    """Where the board is; a display's address brings its token."""

    websocket: str
    site: str | None
    """Where the API is, without a slash at the end; None where only the WebSocket is known."""
    token: str | None = None


class _Page(HTMLParser):
    """What the live page says of its WebSocket."""

    def __init__(self) -> None:
        super().__init__()
        self.url = ""
        self.port = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "body":
            found = dict(attrs)
            self.url = found.get("data-websocket-url") or ""
            self.port = found.get("data-broadcaster-port") or ""


def find(url: str) -> Address:
    """Where to connect for this URL; asks the page for its WebSocket, as a browser does.

    Raises WatchingFailed.
    """
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if not parts.hostname or parts.scheme not in {"http", "https", "ws", "wss"}:
        raise WatchingFailed(f"{url} is no http, https, ws or wss address")
    if parts.scheme in {"ws", "wss"}:
        path = parts.path if parts.path not in {"", "/"} else "/ws"
        return Address(f"{parts.scheme}://{parts.netloc}{path}", None)
    site = f"{parts.scheme}://{parts.netloc}"
    display = "display" in parse_qs(parts.query, keep_blank_values=True)
    page = _page_of(site)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    websocket = page.url or f"{_SECURE[parts.scheme]}://{host}:{page.port}/ws"
    return Address(websocket, site, parts.fragment or None if display else None)


def _page_of(site: str) -> _Page:
    try:
        reply = requests.get(f"{site}/", timeout=ANSWER_SECONDS)
        reply.raise_for_status()
    except requests.RequestException as error:
        raise WatchingFailed(f"There is no board at {site}: {error}") from error
    page = _Page()
    page.feed(reply.text)
    if not page.url and not page.port:
        raise WatchingFailed(f"The page at {site} is not a live scoreboard's")
    return page
