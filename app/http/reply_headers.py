"""Headers of every reply: security headers, and for the API the rate limit and no-store."""

from __future__ import annotations

from flask import Flask, Response, g
from flask.globals import request_ctx

from app.contract.limits import RateLimitStatus

SECURITY_HEADERS = {
    # JSON needs no content. A page sets a policy of its own.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_BY_LOWER_NAME = {name.lower(): (name, value) for name, value in SECURITY_HEADERS.items()}
STRICT_TRANSPORT_SECURITY = "max-age=31536000"
"""One year (RFC 6797). Without subdomains, which may belong to others."""


def register_security_headers(app: Flask) -> None:
    """Add the headers to every reply of the API or the broadcaster; register early."""
    app.after_request(_add_security_headers)


def register_reply_headers(app: Flask) -> None:
    """Add the rate limit and `no-store` to every reply of the API; register early."""
    app.after_request(_add_reply_headers)


def set_rate_limit_status(status: RateLimitStatus) -> None:
    """Set the rate limit that the reply to this request shows."""
    g.rate_limit_status = status


def rate_limit_status() -> RateLimitStatus | None:
    """The rate limit that the reply to this request shows, if one is set."""
    status: RateLimitStatus | None = g.get("rate_limit_status")
    return status


def _add_reply_headers(response: Response) -> Response:
    headers = response.headers
    status = rate_limit_status()
    if status is not None:
        headers.add("X-RateLimit-Limit", str(status.limit))
        headers.add("X-RateLimit-Remaining", str(status.remaining))
        headers.add("X-RateLimit-Reset", str(status.reset_at))
    # jsonify sets exactly this content type.
    if headers.get("Content-Type") == "application/json" and "Cache-Control" not in headers:
        headers.add("Cache-Control", "no-store")
    return response


def _add_security_headers(response: Response) -> Response:
    headers = response.headers
    # Werkzeug's `setdefault` walks all headers three times and raises an exception each time.
    present = {name.lower() for name, _ in headers}
    for lower_name, (name, value) in _BY_LOWER_NAME.items():
        if lower_name not in present:
            headers.add(name, value)
    if request_ctx.request.is_secure:
        # Only a trusted proxy can have set the scheme. Browsers ignore the header over plain HTTP.
        headers["Strict-Transport-Security"] = STRICT_TRANSPORT_SECURITY
    return response
