"""Who may read /metrics of the API and of the broadcaster."""

from __future__ import annotations

import hmac

from flask import Request

from app.callers import is_from_this_machine
from app.contract.errors import AuthInvalid, AuthRequired, Forbidden


def check_metrics_access(request: Request, token: str) -> None:
    """Let in who asks on this machine, or shows the token of METRICS_TOKEN, if there is one.

    Raises Forbidden, AuthRequired and AuthInvalid.
    """
    if is_from_this_machine(request):
        return
    if not token:
        raise Forbidden("/metrics is closed from here: METRICS_TOKEN is not set")
    header = request.headers.get("Authorization", "")
    if not header:
        raise AuthRequired()
    scheme, _, shown = header.partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(
        shown.strip().encode(), token.encode()
    ):
        raise AuthInvalid()
