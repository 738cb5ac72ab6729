"""The error replies of an operation, with their codes and headers, for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from itertools import groupby
from typing import Any

from app.contract import errors
from app.contract.errors import DomainError
from app.http.errors import STATUS

_OF_SESSION = (
    errors.AuthRequired,
    errors.AuthInvalid,
    errors.SessionRevoked,
    errors.UserBanned,
    errors.DatabaseUnavailable,
    errors.DatabaseBusy,
)
OF_MODE: dict[str, tuple[type[DomainError], ...]] = {
    "public": (),
    "session": _OF_SESSION,
    "admission": (*_OF_SESSION, errors.RateLimited, errors.RedisUnavailable),
    "admin": (*_OF_SESSION, errors.Forbidden),
    "service": (
        errors.AuthRequired,
        errors.ServiceKeyInvalid,
        errors.RateLimited,
        errors.DatabaseUnavailable,
        errors.DatabaseBusy,
    ),
}
"""The errors that follow from the access mode of a view."""
OF_ARGUMENTS = (errors.ValidationFailed,)
OF_BODY = (errors.ValidationFailed, errors.PayloadTooLarge, errors.UnsupportedMediaType)
OF_ALL = (errors.InternalError,)

CODES = sorted({error.code for error in STATUS})
# By name, because two errors may have one code.
_BY_NAME = {error.__name__: error for error in STATUS}

_INTEGER = {"type": "integer"}
HEADERS = {
    "RequestId": {
        "description": "The id of this request, also in the server's log and in error replies.",
        "schema": {"type": "string"},
    },
    "RateLimitLimit": {
        "description": "The number of requests that the rate limit allows in its window.",
        "schema": _INTEGER,
    },
    "RateLimitRemaining": {
        "description": "The number of requests that remain in the window.",
        "schema": _INTEGER,
    },
    "RateLimitReset": {
        "description": "When a request is allowed again or the window ends: Unix time, seconds.",
        "schema": _INTEGER,
    },
    "RetryAfter": {
        "description": "Seconds to wait before the client repeats the request.",
        "schema": _INTEGER,
    },
}
"""Components of the document: the reply headers of the API."""
_HEADER_NAMES = {
    "RequestId": "X-Request-Id",
    "RateLimitLimit": "X-RateLimit-Limit",
    "RateLimitRemaining": "X-RateLimit-Remaining",
    "RateLimitReset": "X-RateLimit-Reset",
    "RetryAfter": "Retry-After",
}
_RATE_LIMIT = ("RateLimitLimit", "RateLimitRemaining", "RateLimitReset")


def documented(names: Iterable[str]) -> list[type[DomainError]]:
    """The errors with these class names, and those that always come with them."""
    found = [_BY_NAME[name] for name in names]
    return [*found, errors.DatabaseBusy] if errors.DatabaseUnavailable in found else found


def error_responses(found: Iterable[type[DomainError]]) -> dict[str, Any]:
    """A response for each status of the errors, which lists the codes that the status can have."""
    ordered = sorted(set(found), key=lambda error: (STATUS[error], error.code))
    return {
        str(status): _error_response(status, list(group))
        for status, group in groupby(ordered, key=STATUS.__getitem__)
    }


def reply_headers(status: int, *, limited: bool) -> dict[str, Any]:
    """The headers of a reply; `limited` if a rate limit applies to the operation."""
    names = ["RequestId"]
    if limited and (status < 300 or status == 429):  # noqa: PLR2004
        names.extend(_RATE_LIMIT)
    if status in {429, 503}:
        names.append("RetryAfter")
    return {_HEADER_NAMES[name]: {"$ref": f"#/components/headers/{name}"} for name in names}


def _error_response(status: int, found: list[type[DomainError]]) -> dict[str, Any]:
    lines = [f"{HTTPStatus(status).phrase}:", ""]
    lines.extend(f"- `{error.code}`: {error.meaning()}" for error in found)
    codes = {"properties": {"code": {"enum": list(dict.fromkeys(error.code for error in found))}}}
    schema = {"allOf": [{"$ref": "#/components/schemas/Error"}, codes]}
    return {
        "description": "\n".join(lines),
        "content": {"application/json": {"schema": schema}},
    }
