"""The files that a page loads, with their sizes, and a slow network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

SLOW_NETWORK = {
    "offline": False,
    "latency": 400,
    "downloadThroughput": 200_000,
    "uploadThroughput": 200_000,
}
"""400 ms and 1.6 Mbit/s. Chromium does not delay the opening of connections."""


class Transfers:
    """Records what a page loads from now on, through the DevTools protocol."""

    def __init__(self, page: Page) -> None:
        self._addresses: dict[str, str] = {}
        self.bytes_by_address: dict[str, int] = {}
        """The size of each reply as it was sent, with its headers."""
        self._devtools = page.context.new_cdp_session(page)
        self._devtools.on("Network.requestWillBeSent", self._started)
        self._devtools.on("Network.loadingFinished", self._finished)
        self._devtools.send("Network.enable")

    def slow_down(self) -> None:
        """Delay and slow down all requests of the page as SLOW_NETWORK says."""
        self._devtools.send("Network.emulateNetworkConditions", SLOW_NETWORK)

    @property
    def total_bytes(self) -> int:
        return sum(self.bytes_by_address.values())

    def _started(self, event: dict[str, Any]) -> None:
        self._addresses[event["requestId"]] = event["request"]["url"]

    def _finished(self, event: dict[str, Any]) -> None:
        address = self._addresses[event["requestId"]]
        self.bytes_by_address[address] = int(event["encodedDataLength"])
