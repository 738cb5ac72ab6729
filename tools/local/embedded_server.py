"""Base class of the embedded servers: one process with a data directory, a password and a port."""

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

from tools.local.processes import end, kill_tree, spawn, tree
from tools.secrets_file import new_password, read_or_create

HOST = "127.0.0.1"
START_SECONDS = 60
"""Long, because a PostgreSQL that was killed replays its log first."""
_POLL_SECONDS = 0.02


class ServerFailed(Exception):
    """A server did not start; the message names its log and ends with the log's last line."""


class EmbeddedServer(ABC):
    """One server process with its data directory, and a port that stays reserved until `close`."""

    name: ClassVar[str]
    host: ClassVar[str] = HOST
    """The only address on which it listens."""
    _end_signal: ClassVar[signal.Signals]

    def __init__(self, data_dir: Path, keep_open: Sequence[int] = ()) -> None:
        self.data_dir = data_dir.resolve()
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.password_file = self.data_dir / "password"
        self.log_file = self.data_dir / "log"
        self._password = read_or_create(self.password_file, new_password)
        self._keep_open = keep_open
        self._reservation = reserve_port(self.host)
        self.port: int = self._reservation.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address for clients, with the password."""

    @property
    def url_without_password(self) -> str:
        """The same without the password, for output."""
        return self.url.replace(f":{self._password}@", "@")

    @property
    def pid(self) -> int:
        """The server's process id (PostgreSQL: the postmaster's) while it runs."""
        return self._started().pid

    def poll(self) -> int | None:
        """The exit status if the server has ended on its own, else None."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start the server and wait until it accepts connections; raises ServerFailed."""
        if self._process is not None and self._process.poll() is None:
            raise ServerFailed(f"{self.name} is already running")
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
                raise ServerFailed(
                    f"{self.name} did not start ({self.log_file}): {self.last_log_line()}"
                )
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Stop the server cleanly; with a stronger signal if it doesn't end."""
        if self._process is None:
            return
        self.resume()
        end(self._process, (self._end_signal, 10), (signal.SIGQUIT, 5))
        self._process = None

    def kill(self) -> None:
        """Send SIGKILL to all its processes. Unlike a power failure, this loses no written data."""
        if self._process is not None:
            kill_tree(self._process)
            self._process = None

    def pause(self) -> None:
        """Freeze all its processes: the kernel accepts connections, the server answers none."""
        # Repeated, because the parent may start a child before it is stopped itself.
        while running := [each for each in tree(self._started()) if _is_running(each)]:
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
        """Stop the server and release its port."""
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

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ServerFailed(f"{self.name} is not running")
        return self._process

    def last_log_line(self) -> str:
        """The last line of the server's log."""
        lines = self.log_file.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "the log is empty"

    @abstractmethod
    def _prepare(self) -> str | None:
        """Prepare the data directory; returns the user that runs the server, None for our own."""

    @abstractmethod
    def _command(self) -> list[str | Path]:
        """The command that starts the server."""

    @abstractmethod
    def _ready(self) -> bool:
        """Whether the server accepts connections."""


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.status() not in {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE}
    except psutil.NoSuchProcess:
        return False


def reserve_port(host: str, port: int = 0) -> socket.socket:
    """Reserve a free port, so that no other process gets it while the server is down.

    0 means any free port; raises OSError if another one is not free.
    Other servers and outgoing connections can't take the port. Our server can, because both sockets
    allow the address to be reused and the reserving socket doesn't listen.
    """
    reservation = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    reservation.bind((host, port))
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return reservation
