"""Maps each error to its HTTP status and makes the error replies of the API and the broadcaster.

Every error reply is JSON of one shape. The errors and their codes are in app/contract/errors.py
and, for the WebSocket handshake, in app/contract/handshake_errors.py.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Flask, Response, current_app, g, jsonify
from flask.globals import request_ctx
from marshmallow.exceptions import SCHEMA as WHOLE_BODY
from werkzeug import exceptions as werkzeug

from app.alerting.alerts import Alerts
from app.contract import errors as domain
from app.contract import handshake_errors as handshake
from app.contract.alerts import AlertKind
from app.contract.errors import DomainError
from app.http.fraud_warning import with_fraud_warning
from app.http.reply_headers import set_rate_limit_status
from app.http.request_log import add_failure_to_log
from app.metrics.counters import ERRORS

STATUS: dict[type[DomainError], int] = {
    domain.ValidationFailed: 400,
    handshake.HandshakeInvalid: 400,
    domain.TokenInvalid: 400,
    domain.TokenExpired: 400,
    domain.TokenUsed: 400,
    domain.AuthRequired: 401,
    domain.AuthInvalid: 401,
    domain.ServiceKeyInvalid: 401,
    domain.InvalidCredentials: 401,
    domain.SessionRevoked: 401,
    domain.UserBanned: 403,
    handshake.OriginNotAllowed: 403,
    domain.Forbidden: 403,
    domain.NotFound: 404,
    domain.MethodNotAllowed: 405,
    domain.UsernameTaken: 409,
    domain.BoardNotOpen: 409,
    domain.BoardNotFinished: 409,
    domain.PayloadTooLarge: 413,
    domain.UnsupportedMediaType: 415,
    handshake.UpgradeRequired: 426,
    domain.RateLimited: 429,
    domain.DatabaseUnavailable: 500,
    domain.InternalError: 500,
    domain.RedisUnavailable: 503,
    domain.ServerBusy: 503,
    domain.DatabaseBusy: 503,
    handshake.TooManyHandshakes: 503,
    handshake.BroadcasterFull: 503,
    handshake.TooManyStreams: 503,
    handshake.ApiNotReached: 503,
}

UNREADABLE_REQUEST = "The request can't be read"
INVALID_FIELDS = "Fields of the request are not valid"

# Errors of Flask, Werkzeug and smorest, by status. Their own messages are HTML or reveal internals.
_OF_LIBRARIES: dict[int, Callable[[], DomainError]] = {
    400: partial(domain.ValidationFailed, UNREADABLE_REQUEST),
    404: partial(domain.NotFound, "There is nothing at this path"),
    405: domain.MethodNotAllowed,
    413: domain.PayloadTooLarge,
    415: domain.UnsupportedMediaType,
    422: partial(domain.ValidationFailed, INVALID_FIELDS),
}
_POLICY = "error_policy"


@dataclass(frozen=True)
class ErrorPolicy:
    """The differences between the apps that register the table."""

    alerts: Alerts
    headers: Mapping[int, Mapping[str, str]]
    """Additional headers by status."""
    retry_seconds: tuple[int, int]
    """Least and greatest Retry-After of a 503; the value is random, to spread the retries."""
    is_flagged: Callable[[DomainError], bool] = lambda _: False
    """Whether to warn the caller; called for errors raised before the flag was known."""


def register_error_handlers(app: Flask, policy: ErrorPolicy) -> None:
    """Answer every error of the app by the table; call it before the routes are added."""
    app.extensions[_POLICY] = policy
    # Otherwise Flask answers `/api//` with a redirect in HTML to the Host of the client.
    app.url_map.merge_slashes = False
    app.before_request(_refuse_leading_slashes)
    for error in STATUS:
        # Creates the series at 0, because Prometheus sees no increase in one that starts at 1.
        ERRORS.labels(error.code)
    app.register_error_handler(DomainError, error_reply)
    app.register_error_handler(werkzeug.HTTPException, _http_error_reply)
    app.register_error_handler(Exception, _unexpected_error_reply)


def error_reply(error: DomainError) -> Response:
    """The reply to an error, which is also counted, logged and, if it is serious, alerted."""
    return _reply(STATUS[type(error)], error, cause=error)


def _refuse_leading_slashes() -> None:
    # Flask removes them before it looks for a route. A proxy may have rules for the path without.
    if request_ctx.request.environ["PATH_INFO"].startswith("//"):
        raise werkzeug.NotFound


def _http_error_reply(error: werkzeug.HTTPException) -> Response:
    status = error.code or 500
    if error.response is not None or status < 400:  # noqa: PLR2004
        return error.get_response()  # type: ignore[return-value]
    details = _field_errors(getattr(error, "data", {}).get("messages"))
    if details:
        described: DomainError = domain.ValidationFailed(INVALID_FIELDS, details)
    else:
        described = _OF_LIBRARIES.get(status, domain.InternalError)()
    response = _reply(
        STATUS[type(described)] if status in _OF_LIBRARIES else status,
        described,
        cause=error,
        cause_message=described.message,
    )
    if isinstance(error, werkzeug.MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return response


def _unexpected_error_reply(error: Exception) -> Response:
    return _reply(500, domain.InternalError(), cause=error)


def _reply(
    status: int, error: DomainError, *, cause: Exception, cause_message: str | None = None
) -> Response:
    policy: ErrorPolicy = current_app.extensions[_POLICY]
    add_failure_to_log(status, error.code, cause, cause_message)
    ERRORS.labels(error.code).inc()
    if status >= 500 and error.code in AlertKind.__members__:  # noqa: PLR2004
        policy.alerts.report(AlertKind[error.code], cause, g.request_id)
    flagged = policy.is_flagged(error) if error.flagged is None else error.flagged
    response = jsonify(with_fraud_warning(error.as_json(g.request_id), flagged=flagged))
    response.status_code = status
    response.headers.update(policy.headers.get(status, {}))
    if isinstance(error, domain.RateLimited):
        set_rate_limit_status(error.rate_limit)
        response.headers["Retry-After"] = str(error.rate_limit.retry_after)
    elif status == 503:  # noqa: PLR2004
        retry_after = random.randint(*policy.retry_seconds)  # noqa: S311 - jitter
        response.headers["Retry-After"] = str(retry_after)
    return response


def _field_errors(messages: Any) -> dict[str, Any] | None:
    """webargs' messages, which are grouped by location, as the contract's details by field."""
    if not isinstance(messages, dict):
        return None
    fields: dict[str, Any] = {}
    for problems in messages.values():
        fields |= problems if isinstance(problems, dict) else {"body": problems}
    if WHOLE_BODY in fields:
        fields["body"] = fields.pop(WHOLE_BODY)
    return fields
