"""The log files of a local run, so that its terminal shows only the run's own messages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

FOLDER = "log"
_LAST_LINES = 5
_LAST_BYTES = 8192


class RunLogs:
    """One file for each process, of the newest run only; `make logs` follows them."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / FOLDER

    def path(self, process: str) -> Path:
        """The file with the output of that process."""
        return self._folder / f"{process}.log"

    @contextmanager
    def output(self, process: str) -> Iterator[IO[bytes]]:
        """An empty file for the process; only its owner can read it."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self.path(process)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file

    def end_of(self, process: str) -> str:
        """The last lines that the process has written."""
        try:
            with self.path(process).open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _LAST_BYTES))
                lines = file.read().decode(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "".join(f"{line}\n" for line in lines[-_LAST_LINES:])
