"""What gunicorn itself refuses, because it isn't HTTP, answered in the contract's shape."""

from __future__ import annotations

import json
import socket
import sys
from http import HTTPStatus

from gunicorn import util

from app.http.errors import INTERNAL, MALFORMED, TOO_LONG
from app.metrics import ERRORS
from app.request_log import log_unreadable, new_request_id
from app.safe_headers import SAFE_HEADERS

_TOO_LONG = {HTTPStatus.REQUEST_URI_TOO_LONG, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE}


def answer_malformed_in_json() -> None:
    """Replace the HTML that gunicorn's workers would write to such a client.

    gunicorn has no setting for it; all its workers write by this one function.
    """
    util.write_error = _write_error


def _write_error(client: socket.socket, status: int, _reason: str, _message: str) -> None:
    code, error, message = INTERNAL
    if status in _TOO_LONG:
        code, error, message = TOO_LONG
    elif status != HTTPStatus.INTERNAL_SERVER_ERROR:
        code, error, message = MALFORMED
    ERRORS.labels(code).inc()
    request_id = new_request_id()
    # gunicorn calls this where it caught the error.
    log_unreadable(status, code, sys.exception(), request_id)
    body = {"error": error, "code": code, "message": message, "requestId": request_id}
    text = json.dumps(body)
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(text)}",
        "Cache-Control: no-store",
        *(f"{name}: {value}" for name, value in SAFE_HEADERS.items()),
        f"X-Request-Id: {request_id}",
    )
    util.write_nonblock(client, "\r\n".join((*head, "", text)).encode("ascii"))
