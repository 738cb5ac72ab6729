"""Refuses requests without one valid Host header (RFC 9112, section 3.2)."""

from __future__ import annotations

import re
from functools import lru_cache

from flask import Flask
from flask.globals import request_ctx

from app.contract.errors import ValidationFailed

MAX_CACHED_HOSTS = 100
# A name, IPv4 or IPv6 address, and a port. Two headers are joined by a comma, which no host has.
_HOST = re.compile(r"([A-Za-z0-9._~%-]{0,255}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{0,5})?")


def require_host(app: Flask) -> None:
    """Install the hook; register it before hooks that cost more."""
    app.before_request(_check)


def _check() -> None:
    environ = request_ctx.request.environ
    host = environ.get("HTTP_HOST")
    is_required = environ.get("SERVER_PROTOCOL") == "HTTP/1.1"
    if (host is None and is_required) or (host is not None and not _is_valid(host)):
        raise ValidationFailed("The Host header is missing or malformed")


@lru_cache(MAX_CACHED_HOSTS)
def _is_valid(host: str) -> bool:
    return _HOST.fullmatch(host) is not None
