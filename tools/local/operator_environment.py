"""The settings of a running `make run`, as a file that an operator's shell can source."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.settings import VARIABLES

FILE = "environment"


@contextmanager
def operator_environment(directory: Path) -> Iterator[Path]:
    """Write the current settings to a file that only its owner can read; delete it at the end."""
    path = directory / FILE
    names = [variable.name for variable in VARIABLES if variable.name in os.environ]
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={shlex.quote(os.environ[name])}\n" for name in names))
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
