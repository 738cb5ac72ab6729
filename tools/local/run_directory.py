"""The directory of a local run: a lock against a second run, and the processes of an earlier one.

Two files are locked during a run. `lock` belongs to the supervisor alone. `processes` is open in
every process of the run, so that its lock ends with the last of them, and the processes that have
it open are the processes of the run. Unlike a list of process ids, this can't be out of date.
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

GRACE_SECONDS = 10.0
_POLL_SECONDS = 0.05


class DirectoryInUse(Exception):
    """Another run uses the directory, or processes of an earlier run can't be ended."""


class RunDirectory:
    """A directory that one run owns from `acquire` to `release`.

    Processes of an earlier run get `grace_seconds` to end before each stronger signal.
    """

    def __init__(self, path: Path, grace_seconds: float = GRACE_SECONDS) -> None:
        self._grace_seconds = grace_seconds
        self.path = path.resolve()
        self._supervisor = self.path / "lock"
        self._processes = self.path / "processes"
        self.supervisor_lock: int | None = None
        """The file descriptor that no other process inherits."""
        self.processes_lock: int | None = None
        """The file descriptor that every process of the run inherits."""

    def acquire(self, while_leftovers: Callable[[bool], None]) -> None:
        """Own the directory; first wait for the processes of a killed run, and end them at last.

        `while_leftovers` is called repeatedly during the wait, the first time with True. Raises
        DirectoryInUse, and the errors of `while_leftovers`.
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
            self._end_leftovers(lambda: while_leftovers(False))

    def release(self) -> None:
        """Give the directory up, and remove the lock files."""
        for path, lock in (
            (self._processes, self.processes_lock),
            (self._supervisor, self.supervisor_lock),
        ):
            if lock is not None:
                path.unlink(missing_ok=True)
                os.close(lock)
        self.processes_lock = self.supervisor_lock = None

    def _end_leftovers(self, while_waiting: Callable[[], None]) -> None:
        for stronger in (None, signal.SIGQUIT, signal.SIGKILL):
            if stronger is not None:
                for process in _holders(self._processes):
                    with suppress(psutil.NoSuchProcess):
                        process.send_signal(stronger)
            deadline = time.monotonic() + self._grace_seconds
            while time.monotonic() < deadline:
                self.processes_lock = _lock(self._processes)
                if self.processes_lock is not None:
                    return
                while_waiting()
                time.sleep(_POLL_SECONDS)
        raise DirectoryInUse(f"processes of an earlier run in {self.path} can't be ended")


def is_in_use(directory: Path) -> bool:
    """Whether a run owns the directory."""
    try:
        descriptor = os.open(directory / "lock", os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _lock(path: Path) -> int | None:
    """A descriptor that holds the file's exclusive lock, or None if another process holds it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        # The earlier owner may have removed the file between the open and the lock.
        if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
        os.close(descriptor)


def _holders(path: Path) -> list[psutil.Process]:
    """The other processes that have the file open."""
    return [
        process
        for process in psutil.process_iter(["open_files"])
        if process.pid != os.getpid()
        and any(file.path == str(path) for file in process.info["open_files"] or ())
    ]
