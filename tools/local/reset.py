"""`make reset`: delete the data that local runs left in their directory, after a question."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from tools.local.run_directory import DirectoryInUse, RunDirectory
from tools.local.run_logs import FOLDER as LOG_FOLDER
from tools.local.run_settings import ACTION_TOKEN_SECRET_FILE, PRIVATE_KEY_FILE
from tools.startup import run

_CONTENT = ("postgres", "valkey", LOG_FOLDER, PRIVATE_KEY_FILE, ACTION_TOKEN_SECRET_FILE)


def reset(directory: Path, confirmed: Callable[[str], bool]) -> str:
    """Delete the databases, keys and secrets of `directory` if `confirmed` agrees.

    Deletes only what a local run makes, and the directory if nothing else is in it. Returns a
    sentence for the operator. Raises DirectoryInUse during a run.
    """
    run = RunDirectory(directory)
    found = [path for name in _CONTENT if (path := directory / name).exists()]
    if not found:
        return f"nothing to delete in {directory}"
    names = ", ".join(path.name for path in found)
    run.acquire(lambda _first: None)
    try:
        if not confirmed(f"Delete {names} in {directory}, with all users and scores? [y/N] "):
            return "nothing was deleted"
        for path in found:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    finally:
        run.release()
    if not any(directory.iterdir()):
        directory.rmdir()
    return f"deleted {names} in {directory}"


def _confirmed(question: str) -> bool:
    try:
        return input(question).strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def main() -> int:
    """Exit status 0, or 1 if a run uses the directory."""
    directory = Path(os.environ.get("LOCAL_DIR") or ".local")
    try:
        print(reset(directory, _confirmed))
    except (DirectoryInUse, OSError) as error:
        print(f"make reset: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run(main)
