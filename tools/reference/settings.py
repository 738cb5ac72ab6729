"""The table of settings."""

from __future__ import annotations

from config.settings import VARIABLES
from config.variables import Variable


def settings_table() -> str:
    """One row for each setting, in Markdown."""
    rows = [f"| `{each.name}` | {_default(each)} | {each.explanation} |" for each in VARIABLES]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])


def _default(variable: Variable) -> str:
    if variable.default is None:
        return "none: required"
    default = f"`{variable.default}`" if variable.default else "empty"
    if variable.event_default is None:
        return default
    return f"{default}; with `EVENT_MODE` `{variable.event_default}`"
