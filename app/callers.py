"""Whether a request comes from this very machine, and may have what is not for the network."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from flask import Request

MOST_REMEMBERED = 10_000
"""Networks of addresses; players come again from theirs."""
FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")
"""What proxies add (RFC 7239 and the usual ones): who comes through one isn't near."""


def is_from_this_machine(request: Request) -> bool:
    """Whether a process here asks, by itself and not for somebody behind it."""
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return _plain(ip_address(request.remote_addr or "")).is_loopback
    except ValueError:
        return False


@lru_cache(MOST_REMEMBERED)
def network_of(address: str) -> str:
    """The address as limits count it: of IPv6 the /64, since whoever has one has all of it."""
    try:
        plain = _plain(ip_address(address))
    except ValueError:
        return address
    if isinstance(plain, IPv4Address):
        return str(plain)
    return f"{IPv6Address(int(plain) >> 64 << 64)}/64"


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    # A listener on :: sees callers over IPv4 as ::ffff:192.0.2.1.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
