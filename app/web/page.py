"""The live page at `/`, and the headers that hold the browser to this server's own files."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, render_template, request

from app.http.authentication import public
from app.http.services import services
from config.settings import Settings

_HOST = re.compile(r"(?P<name>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")

DISPLAY = "display"
"""In the query: a page for a projector, without controls."""

page = Blueprint(
    "page",
    __name__,
    static_folder="static",
    static_url_path="/assets",
    template_folder="templates",
)


@page.get("/")
@public
def show() -> Response:
    """The page itself; all that changes on it comes through the API and the WebSocket."""
    settings = services().settings
    response = make_response(
        render_template(
            "page.html",
            websocket_url=settings.websocket_url,
            broadcaster_port=settings.broadcaster_port,
            rapid_max=settings.fraud_rapid_max,
            rapid_seconds=settings.fraud_rapid_seconds,
            mode="display" if DISPLAY in request.args else "play",
        )
    )
    response.headers["Content-Security-Policy"] = content_security_policy(
        websocket_sources(settings, request.host)
    )
    response.headers["Cache-Control"] = "no-cache"
    return response


def content_security_policy(websockets: tuple[str, ...]) -> str:
    """Nothing but this server's own files, and connections to it and to `websockets` (CSP 3)."""
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": " ".join(("'self'", *websockets)),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


def websocket_sources(settings: Settings, host: str) -> tuple[str, ...]:
    """Where the page may open its WebSocket, as CSP sources; `host` is the request's, with port.

    Both schemes, because a proxy that ends TLS in front of us need not have told us of it.
    """
    if settings.websocket_url:
        url = urlsplit(settings.websocket_url)
        return (f"{url.scheme}://{url.netloc}",)
    match = _HOST.fullmatch(host)
    if match is None:
        return ()
    # CSP's grammar has no IPv6 address: there the port alone has to narrow it down.
    name = "*" if match["name"].startswith("[") else match["name"]
    authority = f"{name}:{settings.broadcaster_port}"
    return (f"ws://{authority}", f"wss://{authority}")
