"""Let a tool be started with any Python: it goes on in the one that `make run` prepared."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

USAGE_ERROR = 2
_VIRTUALENV = Path(__file__).resolve().parents[1] / ".venv"


def into_virtualenv(script: Path, needs: Sequence[str]) -> None:
    """Start `script` again with the repository's .venv, unless it runs there already.

    Where there is no .venv, any Python that has the packages in `needs` will do; one that lacks
    them ends here with a line that says what to do.
    """
    python = _VIRTUALENV / "bin" / "python"
    if Path(sys.prefix).resolve() != _VIRTUALENV.resolve() and python.exists():
        os.execv(python, [str(python), str(script), *sys.argv[1:]])  # noqa: S606 - no shell wanted
    if any(find_spec(package) is None for package in needs):
        print(
            f"{script.name} needs what `make run` installs: run `make run` first", file=sys.stderr
        )
        sys.exit(USAGE_ERROR)
