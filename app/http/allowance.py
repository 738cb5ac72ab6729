"""What is left of a limit, in a reply's headers."""

from __future__ import annotations

from flask import Response, g

from app.contract.errors import Allowance


def note_allowance(allowance: Allowance) -> None:
    """Keep the allowance that this request's reply is to show."""
    g.allowance = allowance


def noted_allowance() -> Allowance | None:
    """The allowance that was noted for this request's reply, if any."""
    noted: Allowance | None = g.get("allowance")
    return noted


def show_allowance(response: Response, allowance: Allowance) -> None:
    """Add X-RateLimit-Limit, -Remaining and -Reset (Unix seconds)."""
    headers = response.headers
    headers.add("X-RateLimit-Limit", str(allowance.limit))
    headers.add("X-RateLimit-Remaining", str(allowance.remaining))
    headers.add("X-RateLimit-Reset", str(allowance.reset_at))
