"""Takes what trusted proxies state about a request from their headers, in both processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app.network.addresses import parse_address
from config.server_settings import ServerSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_FOR = "HTTP_X_FORWARDED_FOR"
_OTHERS = ("HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT")


def trust_proxies(app: Flask, settings: ServerSettings) -> None:
    """Believe the TRUSTED_PROXY_HEADERS of TRUSTED_PROXY_HOPS proxies, and no others."""
    hops, trusted = settings.trusted_proxy_hops, settings.trusted_proxy_headers
    if not hops:
        return
    fixed = ProxyFix(
        app.wsgi_app,
        x_for=0,
        x_proto=hops if "proto" in trusted else 0,
        x_host=hops if "host" in trusted else 0,
        x_port=hops if "port" in trusted else 0,
    )
    app.wsgi_app = _ForwardedLists(fixed, hops if "for" in trusted else 0)  # type: ignore[method-assign]


class _ForwardedLists:
    """Reads X-Forwarded-For, and prepares the other lists for Werkzeug's ProxyFix.

    ProxyFix reads a list as quoted strings, so that a quotation mark from the client would make
    the entries of the proxies part of its own. It would also take an address with its port.
    """

    def __init__(self, app: WSGIApplication, address_hops: int) -> None:
        self._app = app
        self._address_hops = address_hops

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        for name in _OTHERS:
            if name in environ:
                environ[name] = ",".join(_elements(environ[name]))
        addresses = _elements(environ.get(_FOR, ""))
        if 0 < self._address_hops <= len(addresses):
            # If the entry has no address, the client counts as the proxy that is connected.
            address = parse_address(addresses[-self._address_hops])
            if address is not None:
                environ["REMOTE_ADDR"] = str(address)
        return self._app(environ, start_response)


def _elements(header: str) -> list[str]:
    """The elements of a list without quotation marks; empty ones do not count (RFC 9110, 5.6.1)."""
    elements = header.replace('"', "").split(",")
    return [stripped for element in elements if (stripped := element.strip())]
