"""`make flask`: an operator's command with the settings of the running `make run`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.local.operator_environment import FILE
from tools.local.run_directory import is_in_use

NOT_RUNNING = "make flask: nothing runs in {}; start the system with `make run` in another terminal"


def main(words: Sequence[str]) -> int:
    """Replace this process by `flask WORDS`; returns 1 if the system does not run."""
    directory = Path(os.environ.get("LOCAL_DIR") or ".local")
    path = directory / FILE
    # A run that was killed leaves the file behind.
    if path.exists() and is_in_use(directory):
        settings = dict(word.split("=", 1) for word in shlex.split(path.read_text()))
        flask = str(Path(sys.executable).parent / "flask")
        os.execve(flask, [flask, *words], os.environ | settings)  # noqa: S606 - no shell wanted
    print(NOT_RUNNING.format(directory), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
