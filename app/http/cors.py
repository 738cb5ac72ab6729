"""CORS: which pages of other origins may call the API from a browser (Fetch, section 3.2)."""

from __future__ import annotations

from flask import Flask, Response
from flask_cors import CORS

from config.origins import ANY_ORIGIN

METHODS = ["GET", "HEAD", "POST", "DELETE"]
SENT = ["Authorization", "Content-Type", "X-Request-Id"]
SHOWN = [
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-Id",
]
PREFLIGHT_SECONDS = 600


def register_cors(app: Flask, origins: tuple[str, ...]) -> None:
    """Let pages of these origins read every reply, refusals too; without one, nobody.

    No credentials of the browser's own: tokens are sent by the page, there is no cookie.
    """
    if not origins:
        return
    anybody = ANY_ORIGIN in origins
    CORS(
        app,
        origins=ANY_ORIGIN if anybody else list(origins),
        methods=METHODS,
        allow_headers=SENT,
        expose_headers=SHOWN,
        max_age=PREFLIGHT_SECONDS,
        send_wildcard=anybody,
        # To who sends no Origin it would name all that are allowed, in as many headers.
        always_send=anybody,
        vary_header=False,
        # The table of errors answers them all, and its replies pass by here as the others do.
        intercept_exceptions=False,
    )
    if not anybody:
        app.after_request(_vary)


def _vary(response: Response) -> Response:
    # On replies to who sent no Origin too: a cache must not give those to who did.
    response.vary.add("Origin")
    return response
