"""The interface of the transports, which receive a board over a connection until it ends."""

from __future__ import annotations

from typing import NoReturn, Protocol
from urllib.parse import urlencode

from ..models import Event

OPEN_SECONDS = 10.0
"""A connection that is not open after this time has failed."""


class ConnectionFailed(Exception):
    """The connection ended or could not be opened; `retry_seconds` is the server's wish, if any."""

    def __init__(self, cause: str, retry_seconds: float | None = None) -> None:
        super().__init__(cause)
        self.retry_seconds = retry_seconds


class Receiver(Protocol):
    """Takes what a transport receives."""

    def live(self) -> None:
        """The connection works; may be called again."""

    def receive(self, event: Event) -> None:
        """An event came."""


class Transport(Protocol):
    """One way to receive a board."""

    name: str

    async def run(self, receiver: Receiver) -> NoReturn:
        """Receive until the connection ends.

        Raises ConnectionFailed if a retry may help, and WatchEnded if it may not.
        """


def with_query(url: str, query: dict[str, str]) -> str:
    """The URL with these parameters."""
    return f"{url}?{urlencode(query)}" if query else url
