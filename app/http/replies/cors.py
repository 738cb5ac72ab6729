"""CORS: which other origins' pages may call the API from a browser (Fetch, section 3.2)."""

from __future__ import annotations

import re

from flask import Flask, Response
from flask_cors import CORS

from config.origins import ANY_ORIGIN

METHODS = ["GET", "HEAD", "POST", "PATCH", "DELETE"]
REQUEST_HEADERS = ["Authorization", "Content-Type", "X-Request-Id"]
EXPOSED_HEADERS = [
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-Id",
]
PREFLIGHT_SECONDS = 600


def register_cors(app: Flask, origins: tuple[str, ...]) -> None:
    """Let pages of these origins read every reply, error replies too.

    Without credentials of the browser: there is no cookie, and the page sends the token itself.
    """
    if not origins:
        return
    any_origin = ANY_ORIGIN in origins
    CORS(
        app,
        origins=ANY_ORIGIN if any_origin else [_exactly(origin) for origin in origins],
        methods=METHODS,
        allow_headers=REQUEST_HEADERS,
        expose_headers=EXPOSED_HEADERS,
        max_age=PREFLIGHT_SECONDS,
        send_wildcard=any_origin,
        # With a list, a request without Origin would get one header for each allowed origin.
        always_send=any_origin,
        vary_header=False,
        # The error table answers exceptions, and those replies pass the same hook.
        intercept_exceptions=False,
    )
    if not any_origin:
        app.after_request(_vary_by_origin)


def _exactly(origin: str) -> re.Pattern[str]:
    # flask-cors reads a text with brackets, as of an IPv6 address, as a regular expression.
    return re.compile(rf"{re.escape(origin)}\Z")


def _vary_by_origin(response: Response) -> Response:
    # Also if the request has no Origin: a cache must not give that reply to one that has.
    response.vary.add("Origin")
    return response
