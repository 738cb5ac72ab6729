"""What every request gets: an id, a log line, the limit's headers and safe defaults."""

from __future__ import annotations

import re
import secrets
import time

import structlog
from flask import Flask, Response, g, request

from app.http.allowance import show_allowance
from app.http.limits import address_allowance

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = structlog.stdlib.get_logger("app.request")


def register_request_hooks(app: Flask) -> None:
    """Install the hooks; before everything else, so that no reply leaves without them."""
    app.before_request(_begin)
    app.after_request(_finish)


def new_request_id() -> str:
    """An id for a request that came without a sane one."""
    return f"req_{secrets.token_hex(8)}"


def _begin() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _SANE_ID.fullmatch(given) else new_request_id()
    g.begun = time.monotonic()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(requestId=g.request_id)


def _finish(response: Response) -> Response:
    show_allowance(response, address_allowance())
    response.headers["X-Request-Id"] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    if response.is_json:
        response.headers.setdefault("Cache-Control", "no-store")
    log.info(
        "request",
        method=request.method,
        path=request.path,
        status=response.status_code,
        duration_ms=round((time.monotonic() - g.begun) * 1000, 1),
    )
    return response
