"""The one table from error to reply; whatever happens, the answer is JSON of one shape."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, g, jsonify
from flask_limiter import RateLimitExceeded
from marshmallow.exceptions import SCHEMA as WHOLE_BODY
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from app.contract import errors as domain
from app.contract.alerts import AlertKind
from app.contract.errors import Allowance, DomainError
from app.http.allowance import note_allowance
from app.http.limits import address_allowance
from app.http.services import services
from app.http.suspicion import warned
from app.metrics import ERRORS
from app.request_log import note_failure

RETRY_SECONDS = 1

STATUS: dict[type[DomainError], int] = {
    domain.ValidationFailed: 400,
    domain.TokenInvalid: 400,
    domain.TokenExpired: 400,
    domain.TokenUsed: 400,
    domain.AuthRequired: 401,
    domain.AuthInvalid: 401,
    domain.InvalidCredentials: 401,
    domain.SessionRevoked: 401,
    domain.UserBanned: 403,
    domain.Forbidden: 403,
    domain.NotFound: 404,
    domain.UsernameTaken: 409,
    domain.RateLimited: 429,
    domain.DatabaseUnavailable: 500,
    domain.RedisUnavailable: 503,
}

MALFORMED = ("VALIDATION_ERROR", "Validation error", "The request can't be read")
TOO_LONG = ("VALIDATION_ERROR", "Validation error", "The URL or the headers are too long")
INTERNAL = ("INTERNAL_ERROR", "Internal error", "Something went wrong; it has been logged")

# What Flask, Werkzeug and smorest raise: code, error and a message without their HTML.
_HTTP: dict[int, tuple[str, str, str]] = {
    400: MALFORMED,
    404: ("NOT_FOUND", "Not found", "There is nothing at this path"),
    405: ("METHOD_NOT_ALLOWED", "Method not allowed", "This path has no such method"),
    413: ("PAYLOAD_TOO_LARGE", "Payload too large", "A body may have 16 KiB"),
    415: ("UNSUPPORTED_MEDIA_TYPE", "Unsupported media type", "Send application/json"),
    422: ("VALIDATION_ERROR", "Validation error", "The request's fields don't fit"),
}


def register_error_handlers(app: Flask) -> None:
    """Answer every error of the app by the table."""
    codes = {each.code for each in STATUS} | {each[0] for each in (*_HTTP.values(), INTERNAL)}
    for code in codes:
        # From zero on, or the first error of a kind would be no increase to Prometheus.
        ERRORS.labels(code)
    app.register_error_handler(DomainError, _refuse)
    app.register_error_handler(RateLimitExceeded, _limit)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(RedisError, _redis)
    app.register_error_handler(Exception, _unexpected)


def _refuse(error: DomainError) -> Response:
    status = STATUS[type(error)]
    note_failure(status, error.code, error)
    if status >= 500:  # noqa: PLR2004
        _alert(error.code, error)
    flagged = isinstance(error, domain.RateLimited) and error.flagged
    response = _reply(
        status, error.code, error.error, error.message, error.details, flagged=flagged
    )
    if isinstance(error, domain.RateLimited):
        note_allowance(error.allowance)
        response.headers["Retry-After"] = str(error.allowance.retry_after)
    elif status == 503:  # noqa: PLR2004
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    elif status == 401:  # noqa: PLR2004
        # RFC 9110, section 15.5.2, wants every 401 to say by which scheme to come back.
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _limit(error: RateLimitExceeded) -> Response:
    window = error.limit.limit
    allowance = address_allowance() or Allowance(window.amount, 0, 0, window.get_expiry())
    return _refuse(domain.RateLimited(allowance))


def _redis(error: RedisError) -> Response:
    # flask-limiter's storage speaks to Redis by itself.
    unavailable = domain.RedisUnavailable()
    unavailable.__cause__ = error
    return _refuse(unavailable)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if error.response is not None or status < 400:  # noqa: PLR2004
        return error.get_response()  # type: ignore[return-value]
    code, name, message = _HTTP.get(status, INTERNAL)
    details = _fields(getattr(error, "data", {}).get("messages"))
    if details:
        message = _HTTP[422][2]
    note_failure(status, code, error, message)
    response = _reply(400 if status == 422 else status, code, name, message, details)  # noqa: PLR2004
    if status == 405:  # noqa: PLR2004
        response.headers["Allow"] = error.get_response().headers.get("Allow", "")
    return response


def _unexpected(error: Exception) -> Response:
    note_failure(500, INTERNAL[0], error)
    _alert(INTERNAL[0], error)
    return _reply(500, *INTERNAL)


def _alert(code: str, error: Exception) -> None:
    if code in AlertKind.__members__:
        services().alerts.report(AlertKind[code], error, g.request_id)


def _reply(
    status: int,
    code: str,
    error: str,
    message: str,
    details: Any | None = None,
    *,
    flagged: bool = False,
) -> Response:
    ERRORS.labels(code).inc()
    body = {"error": error, "code": code, "message": message, "requestId": g.request_id}
    if details is not None:
        body["details"] = details
    response = jsonify(warned(body, flagged=flagged))
    response.status_code = status
    return response


def _fields(messages: Any) -> dict[str, Any] | None:
    """webargs' messages by location as the contract's details by field."""
    if not isinstance(messages, dict):
        return None
    fields: dict[str, Any] = {}
    for problems in messages.values():
        fields |= problems if isinstance(problems, dict) else {"body": problems}
    if WHOLE_BODY in fields:
        fields["body"] = fields.pop(WHOLE_BODY)
    return fields
