"""Headers on every reply of the API and of the broadcaster that hold browsers back."""

from __future__ import annotations

from flask import Flask, Response
from flask.globals import request_ctx

SAFE_HEADERS = {
    # Of no use to a reply of JSON, and so all of it; a page brings a policy of its own.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
STRICT_TRANSPORT = "max-age=31536000"
"""A year (RFC 6797); not for subdomains, which may be others' affair."""


def register_safe_headers(app: Flask) -> None:
    """Install the hook; early, so that no reply leaves without them."""
    app.after_request(_finish)


def _finish(response: Response) -> Response:
    headers = response.headers
    # Werkzeug's `setdefault` walks all headers three times, and raises in between.
    present = {name.lower() for name, _ in headers}
    for name, value in SAFE_HEADERS.items():
        if name.lower() not in present:
            headers.add(name, value)
    if request_ctx.request.is_secure:
        # Only a trusted proxy can have said so; over plain HTTP browsers must ignore it.
        headers["Strict-Transport-Security"] = STRICT_TRANSPORT
    return response
