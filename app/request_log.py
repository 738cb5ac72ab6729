"""A request's id and its one log line, alike in the API and the broadcaster."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Any

import structlog
from flask import Flask, Response, g
from flask.globals import app_ctx, request_ctx

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = structlog.stdlib.get_logger("request")


def log_requests(app: Flask) -> None:
    """Install the hooks; before all others, so that no request goes without."""
    app.before_request(_begin)
    app.after_request(_finish)
    app.teardown_request(_end)


def new_request_id() -> str:
    """An id for a request that came without a sane one."""
    return f"req_{secrets.token_hex(8)}"


def note_failure(status: int, code: str, error: BaseException, message: str | None = None) -> None:
    """Have the request's line say by which code it was refused and why, and the stack from 500 on.

    `message` stands for the error's own words where they are long or another's.
    """
    root = error.__cause__ or error
    g.failure = {"code": code, "cause": f"{type(root).__name__}: {message or root}"}
    if status >= 500:  # noqa: PLR2004
        g.failure["exc_info"] = error


def log_unreadable(status: int, code: str, error: BaseException | None, request_id: str) -> None:
    """The line of a request that never got as far as the app, because it isn't HTTP.

    Without the error's words: they quote what came, which may be a header with a token.
    """
    failure = {"code": code, "cause": type(error).__name__}
    _log(None, None, status, None, {"requestId": request_id, "user": None, **failure})


def _begin() -> None:
    # The proxies `g` and `request` look up whose turn it is at each use; here there are many.
    noted, request = app_ctx.g, request_ctx.request
    given = request.headers.get("X-Request-Id", "")
    noted.request_id = given if _SANE_ID.fullmatch(given) else new_request_id()
    noted.begun = time.monotonic()
    noted.method = request.method
    noted.failure = {}
    structlog.contextvars.bind_contextvars(requestId=noted.request_id, user=None)


def _finish(response: Response) -> Response:
    noted = app_ctx.g
    response.headers.add("X-Request-Id", noted.request_id)
    duration = round((time.monotonic() - noted.begun) * 1000, 1)
    path = request_ctx.request.path
    _log(noted.method, path, response.status_code, duration, noted.failure)
    return response


def _end(_error: BaseException | None) -> None:
    # What the thread or greenlet logs until its next request belongs to none.
    structlog.contextvars.clear_contextvars()


def _log(
    method: str | None,
    path: str | None,
    status: int,
    duration_ms: float | None,
    more: dict[str, Any],
) -> None:
    log.log(
        logging.ERROR if status >= 500 else logging.INFO,  # noqa: PLR2004
        "request",
        method=method,
        path=path,
        status=status,
        duration_ms=duration_ms,
        **more,
    )
