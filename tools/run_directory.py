"""The directory of one local run: who may use it, and what an earlier run left running in it.

Two files are locked while a run lasts. `lock` belongs to the supervisor alone. `processes` is open
in every process of the run, so its lock ends with the last of them and whoever has it open is one
of them: unlike a list of process ids this can be neither out of date nor mean somebody else.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

_GRACE_SECONDS = 10
_POLL_SECONDS = 0.05


class DirectoryInUse(Exception):
    """Another run uses the directory, or one that can't be ended left its processes there."""


class RunDirectory:
    """A directory held for one run, from `acquire` to `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._supervisor = self.path / "lock"
        self._processes = self.path / "processes"
        self.supervisor_lock: int | None = None
        """The file descriptor that only the supervisor has."""
        self.processes_lock: int | None = None
        """The file descriptor that every process of the run has to inherit."""

    def acquire(self, while_leftovers: Callable[[bool], None]) -> None:
        """Hold the directory; processes of a run that was killed are waited for, then ended.

        while_leftovers is called again and again as long as there are any, the first time with
        True. Raises DirectoryInUse, and what while_leftovers raises.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self.supervisor_lock = _lock(self._supervisor)
        if self.supervisor_lock is None:
            owner = self._supervisor.read_text()
            raise DirectoryInUse(
                f"already running in {self.path} (process {owner}); stop it first, "
                "or set LOCAL_DIR to another directory"
            )
        os.ftruncate(self.supervisor_lock, 0)
        os.write(self.supervisor_lock, str(os.getpid()).encode())
        self.processes_lock = _lock(self._processes)
        if self.processes_lock is None:
            while_leftovers(True)
            self._outlast_leftovers(lambda: while_leftovers(False))

    def release(self) -> None:
        """Let the directory go, and leave no file of the run's there."""
        for path, lock in (
            (self._processes, self.processes_lock),
            (self._supervisor, self.supervisor_lock),
        ):
            if lock is not None:
                path.unlink(missing_ok=True)
                os.close(lock)
        self.processes_lock = self.supervisor_lock = None

    def _outlast_leftovers(self, meanwhile: Callable[[], None]) -> None:
        for harder in (None, signal.SIGQUIT, signal.SIGKILL):
            if harder is not None:
                for process in _holders(self._processes):
                    with suppress(psutil.NoSuchProcess):
                        process.send_signal(harder)
            deadline = time.monotonic() + _GRACE_SECONDS
            while time.monotonic() < deadline:
                self.processes_lock = _lock(self._processes)
                if self.processes_lock is not None:
                    return
                meanwhile()
                time.sleep(_POLL_SECONDS)
        raise DirectoryInUse(f"processes of an earlier run in {self.path} can't be ended")


def _lock(path: Path) -> int | None:
    """A descriptor of the file with its exclusive lock; None while somebody else has it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        # Whoever held it before may have removed the file between our two steps.
        if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
        os.close(descriptor)


def _holders(path: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["open_files"])
        if process.pid != os.getpid()
        and any(file.path == str(path) for file in process.info["open_files"] or ())
    ]
