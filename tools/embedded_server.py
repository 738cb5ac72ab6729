"""What embedded servers have in common: a process, a data directory, a password and a port."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import psutil

from tools.processes import end, kill_tree, spawn, tree
from tools.secrets_file import kept, new_password

HOST = "127.0.0.1"
START_SECONDS = 60
"""A PostgreSQL that was killed first goes over its log again."""
_POLL_SECONDS = 0.02


class ServerFailed(Exception):
    """A server did not start; the message says where its log is and ends with its last line."""


class EmbeddedServer(ABC):
    """One server process with its data directory and a port that is its own until `close`."""

    name: ClassVar[str]
    host: ClassVar[str] = HOST
    """The only address that it listens on."""
    _end_signal: ClassVar[signal.Signals]

    def __init__(self, data_dir: Path, keep_open: Sequence[int] = ()) -> None:
        self.data_dir = data_dir.resolve()
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.password_file = self.data_dir / "password"
        self.log_file = self.data_dir / "log"
        self._password = kept(self.password_file, new_password)
        self._keep_open = keep_open
        self._reservation = reserve_port(self.host)
        self.port: int = self._reservation.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect, with the password."""

    @property
    def url_without_password(self) -> str:
        """The same, fit to be shown."""
        return self.url.replace(f":{self._password}@", "@")

    @property
    def pid(self) -> int:
        """The server's process id (PostgreSQL: the postmaster's) while it runs."""
        return self._running().pid

    def poll(self) -> int | None:
        """The exit status if the server has ended by itself, else None."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start the server and wait until it takes connections; raises ServerFailed."""
        if self._process is not None and self._process.poll() is None:
            raise ServerFailed(f"{self.name} runs already")
        user = self._prepare()
        with self.log_file.open("ab") as log:
            self._process = spawn(
                self._command(),
                end_signal=self._end_signal,
                output=log,
                user=user,
                keep_open=self._keep_open,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"{self.name} did not start ({self.log_file}): {self._word()}")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Stop the server in good order; harder if it doesn't."""
        if self._process is None:
            return
        self.resume()
        end(self._process, (self._end_signal, 10), (signal.SIGQUIT, 5))
        self._process = None

    def kill(self) -> None:
        """SIGKILL to all its processes, as when the machine loses power (but for the disk)."""
        if self._process is not None:
            kill_tree(self._process)
            self._process = None

    def pause(self) -> None:
        """Freeze all its processes: connections are accepted by the kernel, nothing answers."""
        # Again and again, since a child may be born between the look and the parent's stop.
        while running := [each for each in tree(self._running()) if _runs(each)]:
            for each in running:
                with suppress(psutil.NoSuchProcess):
                    each.suspend()

    def resume(self) -> None:
        """Undo `pause`."""
        if self._process is not None:
            for each in reversed(tree(self._process)):
                with suppress(psutil.NoSuchProcess):
                    each.resume()

    def close(self) -> None:
        """Stop, and give the port back."""
        self.stop()
        self._reservation.close()

    def __enter__(self) -> Self:
        try:
            self.start()
        except ServerFailed:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ServerFailed(f"{self.name} does not run")
        return self._process

    def _word(self) -> str:
        lines = self.log_file.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    @abstractmethod
    def _prepare(self) -> str | None:
        """Make what the server needs on disk; the user to run it as, None for our own."""

    @abstractmethod
    def _command(self) -> list[str | Path]: ...

    @abstractmethod
    def _ready(self) -> bool: ...


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() not in {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE}
    except psutil.NoSuchProcess:
        return False


def reserve_port(host: str) -> socket.socket:
    """A free port, held so that nobody else gets it while the server is down.

    Neither another server nor an outgoing connection can take it; the server can, because both
    sockets allow the address to be reused and ours doesn't listen.
    """
    reservation = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    reservation.bind((host, 0))
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return reservation
