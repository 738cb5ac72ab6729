"""The README's table of settings, made from the code: `python -m tools.settings_table`."""

from __future__ import annotations

from config.settings import VARIABLES
from config.variables import Variable


def settings_table() -> str:
    """A row a setting, in Markdown."""
    rows = [f"| `{each.name}` | {_default(each)} | {each.explanation} |" for each in VARIABLES]
    return "\n".join(["| variable | default | what it is for |", "|---|---|---|", *rows])


def _default(variable: Variable) -> str:
    if variable.default is None:
        return "none: required"
    return f"`{variable.default}`" if variable.default else "empty"


if __name__ == "__main__":
    print(settings_table())
