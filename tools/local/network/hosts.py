"""The hosts in the page's addresses: loopback, and this machine's addresses in its networks."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import psutil

from app.network.addresses import authority, parse_address

EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - only compared
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HTTP_PORT = 80
_OTHER_NETWORK = ("192.0.2.1", 9)
"""An address outside every local network (RFC 5737). No packet is sent to it."""


def page_hosts(host: str) -> tuple[str, ...]:
    """Hosts at which a server that listens on `host` is reached.

    Those that other machines can use are first, and the loopback addresses last.
    """
    own = lan_addresses() if host in EVERY_ADDRESS else (host,)
    return tuple(dict.fromkeys((*own, *LOOPBACK)))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the host of an address."""
    address = parse_address(host)
    return host == "localhost" if address is None else address.is_loopback


def origin(host: str, port: int) -> str:
    """The origin of the page as browsers send it (RFC 6454), without the default port."""
    whole = f"http://{authority(host, port)}"
    return whole.removesuffix(f":{port}") if port == _HTTP_PORT else whole


def lan_addresses() -> tuple[str, ...]:
    """This machine's IPv4 addresses in its networks; that of the default route is first."""
    first = _default_route_address()
    interfaces = psutil.net_if_stats()
    found = {
        item.address
        for name, items in psutil.net_if_addrs().items()
        if name in interfaces and interfaces[name].isup
        for item in items
        if item.family == socket.AF_INET and _in_a_network(item.address)
    }
    return tuple(sorted(found, key=lambda address: (address != first, ip_address(address))))


def _in_a_network(address: str) -> bool:
    parsed = ip_address(address)
    return not parsed.is_loopback and not parsed.is_link_local


def _default_route_address() -> str:
    """The address from which this machine would send to other networks; "" without a route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_OTHER_NETWORK)
        except OSError:
            return ""
        address: str = probe.getsockname()[0]
        return address
