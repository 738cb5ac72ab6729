"""Hosts and ports in Host headers and in origins, and which of them are this server or machine."""

from __future__ import annotations

import re
from typing import NamedTuple

from app.network.addresses import parse_address

_AUTHORITY = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class Authority(NamedTuple):
    """A host in lower case, and its port if one is written."""

    host: str
    port: int | None

    @property
    def is_loopback(self) -> bool:
        """Whether the host is `localhost` or a loopback address."""
        address = parse_address(self.host)
        return self.host == "localhost" or (address is not None and address.is_loopback)


def parse_authority(text: str) -> Authority | None:
    """The host and port of a Host header; None if it is malformed."""
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        return None
    host, port = match.groups()
    return Authority(host.lower(), int(port) if port else None)


def parse_origin(text: str) -> Authority | None:
    """The host of an origin, with the port also if its scheme implies it (RFC 6454).

    None if it is malformed or `null`. Client libraries send `ws` and `wss` as schemes too.
    """
    scheme, _, rest = text.partition("://")
    default_port = _DEFAULT_PORTS.get(scheme.lower())
    authority = parse_authority(rest)
    if default_port is None or authority is None:
        return None
    return Authority(authority.host, authority.port or default_port)


def is_own_origin(origin: str, host: str) -> bool:
    """Whether the origin has the host and the port of a request with this Host header.

    A Host without a port fits the default ports of both schemes, because a proxy may end TLS
    without a header that says so.
    """
    of_page, of_request = parse_origin(origin), parse_authority(host)
    if of_page is None or of_request is None or of_page.host != of_request.host:
        return False
    if of_request.port is None:
        return of_page.port in _DEFAULT_PORTS.values()
    return of_page.port == of_request.port
