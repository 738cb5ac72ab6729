"""The id of a request and its one log line, the same in the API and the broadcaster."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Any

import structlog
from flask import Flask, Response, g
from flask.globals import app_ctx, request_ctx
from structlog.contextvars import bind_contextvars, clear_contextvars

from app.contract.errors import Overloaded

_VALID_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = structlog.stdlib.get_logger("request")


def log_requests(app: Flask) -> None:
    """Install the hooks; register before all others, so that every request is logged."""
    app.before_request(_start)
    app.after_request(_log_reply)
    app.teardown_request(_end)


def new_request_id() -> str:
    """An id for a request that has no valid X-Request-Id."""
    return f"req_{secrets.token_hex(8)}"


def add_user_to_log(user_id: str) -> None:
    """Add the user's id to the log lines of the current request."""
    bind_contextvars(user=user_id)


def add_service_key_to_log(key_id: str) -> None:
    """Add the id of the service key to the log lines of the current request."""
    bind_contextvars(serviceKey=key_id)


def add_failure_to_log(
    status: int, code: str, error: BaseException, message: str | None = None
) -> None:
    """Add an error's code and cause to the request's log line, and its stack if it is a fault.

    `message` replaces the message of the error, for errors of libraries.
    """
    root = error.__cause__ or error
    g.failure = {"code": code, "cause": f"{type(root).__name__}: {message or root}"}
    if isinstance(error, Overloaded):
        # An intended refusal. Stacks would fill the log while the load is high.
        g.level = logging.WARNING
    elif status >= 500:  # noqa: PLR2004
        g.failure["exc_info"] = error


def log_unreadable(status: int, code: str, error: BaseException | None, request_id: str) -> None:
    """Log a request that did not reach the app, because it is not valid HTTP.

    The error's message is left out: it quotes the request, perhaps a header with a token.
    """
    failure = {"code": code, "cause": type(error).__name__}
    _log(None, None, status, None, {"requestId": request_id, "user": None, **failure})


def _start() -> None:
    # Flask's proxies `g` and `request` look up their context at each use, and there are many here.
    state, request = app_ctx.g, request_ctx.request
    given = request.headers.get("X-Request-Id", "")
    state.request_id = given if _VALID_ID.fullmatch(given) else new_request_id()
    state.started_at = time.monotonic()
    state.failure = {}
    state.level = None
    bind_contextvars(requestId=state.request_id, user=None)


def _log_reply(response: Response) -> Response:
    state, request = app_ctx.g, request_ctx.request
    response.headers.add("X-Request-Id", state.request_id)
    duration_ms = round((time.monotonic() - state.started_at) * 1000, 1)
    _log(
        request.method,
        request.path,
        response.status_code,
        duration_ms,
        state.failure,
        state.level,
    )
    return response


def _end(_error: BaseException | None) -> None:
    # The thread or greenlet may log before its next request.
    clear_contextvars()


def _log(
    method: str | None,
    path: str | None,
    status: int,
    duration_ms: float | None,
    more: dict[str, Any],
    level: int | None = None,
) -> None:
    log.log(
        level or (logging.ERROR if status >= 500 else logging.INFO),  # noqa: PLR2004
        "request",
        method=method,
        path=path,
        status=status,
        duration_ms=duration_ms,
        **more,
    )
