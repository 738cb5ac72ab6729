"""The reply to requests that gunicorn can't parse, in the contract's shape."""

from __future__ import annotations

import json
import socket
import sys
from http import HTTPStatus

from app.contract.errors import DomainError, InternalError, ValidationFailed
from app.http.errors import UNREADABLE_REQUEST
from app.http.reply_headers import SECURITY_HEADERS
from app.http.request_log import log_unreadable, new_request_id
from app.metrics.counters import ERRORS
from app.server.gunicorn_internals import util

_TOO_LONG = {HTTPStatus.REQUEST_URI_TOO_LONG, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE}


def answer_malformed_in_json() -> None:
    """Replace the HTML that gunicorn would write to such a client; it has no setting for it."""
    util.write_error = _write_error


def _write_error(client: socket.socket, status: int, _reason: str, _message: str) -> None:
    error: DomainError = InternalError()
    if status in _TOO_LONG:
        error = ValidationFailed("The URL or the headers are too long")
    elif status != HTTPStatus.INTERNAL_SERVER_ERROR:
        error = ValidationFailed(UNREADABLE_REQUEST)
    ERRORS.labels(error.code).inc()
    request_id = new_request_id()
    # gunicorn calls this while it handles the error.
    log_unreadable(status, error.code, sys.exception(), request_id)
    text = json.dumps(error.as_json(request_id))
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(text)}",
        "Cache-Control: no-store",
        *(f"{name}: {value}" for name, value in SECURITY_HEADERS.items()),
        f"X-Request-Id: {request_id}",
    )
    util.write_nonblock(client, "\r\n".join((*head, "", text)).encode("ascii"))
