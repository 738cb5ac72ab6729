"""The links that a local run prints, for this machine and for others in its networks."""

from __future__ import annotations

import io

import segno

from app.network.addresses import authority
from config.settings import Settings
from tools.local.network.hosts import (
    EVERY_ADDRESS,
    is_loopback,
    origin,
    page_hosts,
)
from tools.local.network.ports import HEALTH, local_address

NO_ADDRESS = "This machine has no address in a network, so other machines can't open the page."


def local_links(settings: Settings) -> list[tuple[str, str]]:
    """What each link is for, and its address on this machine."""
    host = local_address(settings.host)
    page = origin(host, settings.port)
    return [
        ("live page", f"{page}/"),
        ("display", f"{page}/?display"),
        ("API", f"{page}/docs"),
        ("health", f"{page}{HEALTH}"),
        ("WebSocket", f"ws://{authority(host, settings.broadcaster_port)}/ws"),
    ]


def network_links(settings: Settings) -> str:
    """The page's addresses for other machines, with a QR code for phones.

    Empty if the system listens on a loopback address only.
    """
    hosts = [host for host in page_hosts(settings.host) if not is_loopback(host)]
    if not hosts:
        return NO_ADDRESS if settings.host in EVERY_ADDRESS else ""
    pages = [origin(host, settings.port) for host in hosts]
    lines = [
        "for other machines in the network:",
        *(f"  live page  {page}/" for page in pages),
        f"  display    {pages[0]}/?display",
        _qr_code(f"{pages[0]}/"),
    ]
    return "\n".join(lines)


def _qr_code(address: str) -> str:
    """The address as a QR code of block characters, for a terminal with a dark background."""
    picture = io.StringIO()
    segno.make(address, micro=False).terminal(picture, compact=True)
    return picture.getvalue().rstrip("\n")
