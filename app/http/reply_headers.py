"""What every reply gets: the limit's headers and that nothing is cached."""

from __future__ import annotations

from flask import Flask, Response

from app.http.allowance import show_allowance
from app.http.limits import address_allowance


def register_reply_headers(app: Flask) -> None:
    """Install the hook; early, so that no reply leaves without them."""
    app.after_request(_finish)


def _finish(response: Response) -> Response:
    show_allowance(response, address_allowance())
    if response.is_json:
        response.headers.setdefault("Cache-Control", "no-store")
    return response
