"""IP addresses in the forms that proxies and operating systems write, and their networks."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

IPV6_PREFIX = 64
"""A client usually owns a whole /64, so limits count by it."""
WIDE_IPV4_PREFIX, WIDE_IPV6_PREFIX = 24, 48
MAX_CACHED_NETWORKS = 10_000
MAX_ADDRESS_CHARACTERS = 100
"""More than an IPv6 address with brackets, zone and port has."""
UNKNOWN = "unknown"
"""The network of all clients without a readable address, for example on a UNIX socket."""
_SPACE = " \t"
_ZONE = re.compile(r"[A-Za-z0-9._~-]+")
# RFC 6052: translators of IPv4 clients use it, so that all of them would be in one /64.
_TRANSLATED_IPV4 = IPv6Network("64:ff9b::/96")

Address = IPv4Address | IPv6Address


def authority(host: str, port: int) -> str:
    """Host and port as in a URL: an IPv6 address has brackets (RFC 3986, section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_address(text: str) -> Address | None:
    """The address in `text`; None if there is none, as in `unknown` and `_hidden` (RFC 7239).

    Accepts a port, brackets and a zone: `[fe80::1%eth0]:49152`. An IPv4 address that is
    mapped into IPv6 is returned as IPv4, because a listener on `::` sees IPv4 clients so.
    """
    if len(text) > MAX_ADDRESS_CHARACTERS:
        return None
    text = text.strip(_SPACE)
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        is_whole = bool(bracket) and (not port or _is_port(port))
        return _plain_address(host) if is_whole else None
    # Without brackets a port can follow IPv4, or an IPv6 address with all its groups.
    host, colon, port = text.rpartition(":")
    return _plain_address(text) or (_plain_address(host) if _is_port(colon + port) else None)


@lru_cache(MAX_CACHED_NETWORKS)
def network_of(address: str, ipv6_prefix: int = IPV6_PREFIX) -> str:
    """What limits count by: the IPv4 address, or the network of `ipv6_prefix` bits for IPv6.

    `address` may be a network that this function returned. It is UNKNOWN if it has no address.
    """
    plain = parse_address(address.partition("/")[0])
    if plain is None:
        return UNKNOWN
    if plain in _TRANSLATED_IPV4:
        plain = IPv4Address(plain.packed[-4:])
    if isinstance(plain, IPv4Address):
        return str(plain)
    return str(ip_network((int(plain), ipv6_prefix), strict=False))


def wide_network_of(address: str) -> str:
    """The network of the address that one site or small provider usually has: /24, /48 for IPv6."""
    network = network_of(address, WIDE_IPV6_PREFIX)
    if network == UNKNOWN or ":" in network:
        return network
    return str(ip_network((network, WIDE_IPV4_PREFIX), strict=False))


def _plain_address(text: str) -> Address | None:
    host, percent, zone = text.partition("%")
    if percent and not _ZONE.fullmatch(zone):
        return None
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_port(text: str) -> bool:
    """Whether it is a colon and a port, or a hidden port like `:_a1` (RFC 7239, section 6.3)."""
    port = text[1:]
    return text.startswith(":") and port.isascii() and (port.isdecimal() or port.startswith("_"))
