"""What the broadcaster answers over HTTP when it doesn't open a WebSocket: JSON of one shape."""

from __future__ import annotations

import random

from flask import Flask, Response, current_app, g, jsonify
from simple_websocket import ConnectionError as HandshakeFailed
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from wsproto.utilities import ProtocolError

from app.contract import errors as domain
from app.contract.alerts import AlertKind
from app.contract.errors import DomainError
from app.metrics import ERRORS
from app.request_log import log_requests, note_failure
from app.safe_headers import register_safe_headers
from app.services.alerts import Alerts

RETRY_SECONDS = (1, 5)
"""Drawn at random between these, so that those who were turned away don't return together."""


class UpgradeRequired(DomainError):
    """A plain HTTP request where a WebSocket is spoken (RFC 6455, section 4.2.2)."""

    code = "UPGRADE_REQUIRED"
    error = "Upgrade required"

    def __init__(self) -> None:
        super().__init__("Open a WebSocket of version 13 here")


class OriginNotAllowed(DomainError):
    """A page of that origin may not open a WebSocket here."""

    code = "ORIGIN_NOT_ALLOWED"
    error = "Forbidden"

    def __init__(self) -> None:
        super().__init__("This origin is not on the list of allowed origins")


class HandshakeInvalid(DomainError):
    """The request isn't a WebSocket handshake that can be answered (RFC 6455, section 4.1)."""

    code = "VALIDATION_ERROR"
    error = "Validation error"

    def __init__(self) -> None:
        super().__init__("The request is not a WebSocket handshake")


class PathUnknown(DomainError):
    """Nothing is at this path."""

    code = "NOT_FOUND"
    error = "Not found"

    def __init__(self) -> None:
        super().__init__("There is nothing at this path")


class MethodUnknown(DomainError):
    """The path has no such method."""

    code = "METHOD_NOT_ALLOWED"
    error = "Method not allowed"

    def __init__(self) -> None:
        super().__init__("This path has no such method")


class TooManyHandshakes(DomainError):
    """More viewers came in the last second than this process takes up."""

    code = "TOO_MANY_HANDSHAKES"
    error = "Busy"

    def __init__(self) -> None:
        super().__init__("Too many viewers come at once; come back a little later")


class BroadcasterFull(DomainError):
    """This process holds as many viewers as it may."""

    code = "BROADCASTER_FULL"
    error = "Busy"

    def __init__(self) -> None:
        super().__init__("There is no room for another viewer; try another broadcaster")


class InternalError(DomainError):
    """Something that should not happen did."""

    code = "INTERNAL_ERROR"
    error = "Internal error"

    def __init__(self) -> None:
        super().__init__("Something went wrong; it has been logged")


STATUS: dict[type[DomainError], int] = {
    HandshakeInvalid: 400,
    domain.AuthRequired: 401,
    domain.AuthInvalid: 401,
    domain.SessionRevoked: 401,
    domain.UserBanned: 403,
    OriginNotAllowed: 403,
    domain.Forbidden: 403,
    PathUnknown: 404,
    MethodUnknown: 405,
    UpgradeRequired: 426,
    domain.DatabaseUnavailable: 500,
    InternalError: 500,
    domain.RedisUnavailable: 503,
    TooManyHandshakes: 503,
    BroadcasterFull: 503,
}
_HEADERS: dict[int, dict[str, str]] = {
    426: {"Upgrade": "websocket", "Sec-WebSocket-Version": "13"},
}


def register_refusals(app: Flask, alerts: Alerts) -> None:
    """Give each request its id, and answer every error of the app by the table."""
    app.extensions["alerts"] = alerts
    log_requests(app)
    app.after_request(_finish)
    for code in {each.code for each in STATUS}:
        # From zero on, or the first error of a kind would be no increase to Prometheus.
        ERRORS.labels(code)
    register_safe_headers(app)
    app.register_error_handler(DomainError, _refuse)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(HandshakeFailed, _bad_handshake)
    app.register_error_handler(ProtocolError, _bad_handshake)
    app.register_error_handler(Exception, _unexpected)


def _finish(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    # An old connection costs a greenlet. And pywsgi understands lengths of bodies that a proxy may
    # understand otherwise: where nothing follows, nothing can be smuggled in.
    response.headers["Connection"] = "close"
    return response


def _refuse(error: DomainError) -> Response:
    response = jsonify(
        error=error.error, code=error.code, message=error.message, requestId=g.request_id
    )
    response.status_code = STATUS[type(error)]
    response.headers.update(_HEADERS.get(response.status_code, {}))
    if response.status_code == 503:  # noqa: PLR2004
        seconds = random.randint(*RETRY_SECONDS)  # noqa: S311 - jitter
        response.headers["Retry-After"] = str(seconds)
    ERRORS.labels(error.code).inc()
    note_failure(response.status_code, error.code, error)
    if error.code in AlertKind.__members__:
        alerts: Alerts = current_app.extensions["alerts"]
        alerts.report(AlertKind[error.code], error, g.request_id)
    return response


def _http(error: HTTPException) -> Response:
    if isinstance(error, NotFound):
        return _refuse(PathUnknown())
    if isinstance(error, MethodNotAllowed):
        response = _refuse(MethodUnknown())
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
        return response
    return _refuse(HandshakeInvalid())


def _bad_handshake(_error: Exception) -> Response:
    return _refuse(HandshakeInvalid())


def _unexpected(error: Exception) -> Response:
    failed = InternalError()
    failed.__cause__ = error
    return _refuse(failed)
