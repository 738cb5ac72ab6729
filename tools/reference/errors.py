"""The table of error codes."""

from __future__ import annotations

from app.http.errors import STATUS


def errors_table() -> str:
    """One row for each error, by status and code, in Markdown."""
    rows = sorted((status, error.code, error.meaning()) for error, status in STATUS.items())
    head = ["| status | code | meaning |", "|---|---|---|"]
    return "\n".join([*head, *(f"| {status} | `{code}` | {text} |" for status, code, text in rows)])
