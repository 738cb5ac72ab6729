"""The address of the client: what limits count by, and whether it is this machine."""

from __future__ import annotations

from flask import Request
from flask.globals import request_ctx

from app.network.addresses import network_of, parse_address
from app.network.origins import Authority, parse_authority, parse_origin
from config.server_settings import ServerSettings

_HEADERS_OF_PROXIES = frozenset(
    {
        "cdn-loop",
        "cf-connecting-ip",
        "client-ip",
        "fastly-client-ip",
        "fly-client-ip",
        "forwarded",
        "front-end-https",
        "true-client-ip",
        "via",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-real-ip",
        "x-request-start",
    }
)
"""Headers that proxies add, in lower case (RFC 7239 and the usual ones)."""
_PREFIXES = ("x-forwarded", "x-original-", "x-envoy-", "x-amzn-", "x-azure-")


def client_address() -> str:
    """The current request's address, or its /64 network for IPv6.

    TRUSTED_PROXY_HOPS decides which proxies may state it.
    """
    return network_of(request_ctx.request.remote_addr or "")


def is_from_this_machine(request: Request, settings: ServerSettings) -> bool:
    """Whether a process on this machine sent the request to this machine, without a proxy.

    With TRUSTED_PROXY_HOPS no request counts as such, because a proxy on this machine may add no
    header. Host and Origin have to be of this machine too: the name of another site may lead a
    browser here (DNS rebinding), and the page of another site may send requests here.
    """
    if settings.trusted_proxy_hops or _was_forwarded(request):
        return False
    peer = parse_address(request.remote_addr or "")
    return (
        peer is not None
        and peer.is_loopback
        and _names_this_machine(parse_authority(request.headers.get("Host", "")))
        and (
            "Origin" not in request.headers
            or _names_this_machine(parse_origin(request.headers["Origin"]))
        )
    )


def _was_forwarded(request: Request) -> bool:
    # By default nginx adds no header, but it sends HTTP/1.0.
    if request.environ["SERVER_PROTOCOL"] == "HTTP/1.0":
        return True
    names = (name.lower() for name, _ in request.headers)
    return any(name in _HEADERS_OF_PROXIES or name.startswith(_PREFIXES) for name in names)


def _names_this_machine(authority: Authority | None) -> bool:
    return authority is not None and authority.is_loopback
