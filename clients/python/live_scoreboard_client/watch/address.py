"""Finds the broadcaster of a scoreboard."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from ..calls import Calls
from ..errors import NoReply

_HTTP_SCHEMES = {"ws": "http", "wss": "https"}


class Addresses:
    """The addresses of the WebSocket and of the event stream beside it."""

    def __init__(self, calls: Calls, websocket_url: str | None) -> None:
        self._calls = calls
        self._websocket_url = websocket_url

    async def websocket(self) -> str:
        """The WebSocket's address, which the server is asked for once; raises ApiError, NoReply."""
        if self._websocket_url is None:
            document = await self._calls.call("GET", "/asyncapi.json")
            try:
                server = document["servers"]["broadcaster"]
                path = document["channels"]["viewer"]["address"]
            except (KeyError, TypeError) as error:
                raise NoReply("the server is not a live scoreboard") from error
            self._websocket_url = f"{server['protocol']}://{server['host']}{path}"
        return self._websocket_url

    async def stream(self) -> str:
        """The event stream's address."""
        parts = urlsplit(await self.websocket())
        path = f"{parts.path.rpartition('/')[0]}/stream"
        return urlunsplit((_HTTP_SCHEMES[parts.scheme], parts.netloc, path, "", ""))
