"""`make licences`: list the licences of all dependencies; exit status 1 if one isn't allowed."""

from __future__ import annotations

import sys

from tools.reference.licences import (
    forbidden,
    licences_tables,
    npm_licences,
    python_licences,
    vendored_licences,
)
from tools.startup import run


def main() -> int:
    """Print the tables; 0 if every licence is allowed, else 1."""
    print(licences_tables())
    wrong = forbidden(python_licences() | npm_licences() | vendored_licences())
    for name, licence in wrong.items():
        print(f"not allowed: {name} has the licence {licence}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    run(main)
