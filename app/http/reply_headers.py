"""What every reply gets: the limit's headers and that nothing is cached."""

from __future__ import annotations

from flask import Flask, Response

from app.http.allowance import noted_allowance, show_allowance
from app.http.limits import address_allowance


def register_reply_headers(app: Flask) -> None:
    """Install the hook; early, so that no reply leaves without them."""
    app.after_request(_finish)


def _finish(response: Response) -> Response:
    allowance = noted_allowance() or address_allowance()
    if allowance is not None:
        show_allowance(response, allowance)
    headers = response.headers
    # All JSON of this API is written by jsonify, which says it so.
    if headers.get("Content-Type") == "application/json" and "Cache-Control" not in headers:
        headers.add("Cache-Control", "no-store")
    return response
