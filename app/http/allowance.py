"""What is left of a limit, in a reply's headers."""

from __future__ import annotations

from flask import Response, g

from app.contract.errors import Allowance


def note_allowance(allowance: Allowance) -> None:
    """Keep the allowance that this request's reply is to show."""
    g.allowance = allowance


def show_allowance(response: Response, allowance: Allowance | None) -> None:
    """Set X-RateLimit-Limit, -Remaining and -Reset (Unix seconds) of the noted or given one."""
    shown: Allowance | None = g.get("allowance") or allowance
    if shown is not None:
        response.headers["X-RateLimit-Limit"] = str(shown.limit)
        response.headers["X-RateLimit-Remaining"] = str(shown.remaining)
        response.headers["X-RateLimit-Reset"] = str(shown.reset_at)
