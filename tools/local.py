"""Run the whole system on one machine: servers, migration, then the Procfile's web and broadcaster.

`make run` starts it; docs/decisions/0003-running-on-one-machine.md says what it promises.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from http import HTTPStatus
from pathlib import Path

from config.settings import InvalidSettings, Settings, load_settings
from tools.addresses import HEALTH, PortTaken, check_ports, health_status, reachable
from tools.embedded import EmbeddedPostgres, EmbeddedValkey
from tools.embedded_server import EmbeddedServer, ServerFailed
from tools.operator_environment import operator_environment
from tools.processes import kill_tree, signal_me_when_parent_dies, spawn
from tools.procfile import read_procfile
from tools.run_directory import DirectoryInUse, RunDirectory
from tools.secrets_file import kept, new_private_key, new_secret

ANSWER_SECONDS = 60
EXTRA_SHUTDOWN_SECONDS = 5
_POLL_SECONDS = 0.05


class CannotRun(Exception):
    """The system can't start or go on; the message is for the operator."""


class StopRequested(Exception):
    """Somebody asked for the end, by Ctrl-C or SIGTERM."""


class StopRequests:
    """Notes Ctrl-C, SIGTERM and the terminal's end, so that they interrupt nothing half done."""

    def __init__(self) -> None:
        self.stop = False
        self.hurry = False
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup has SIGHUP ignored.
            if signal.getsignal(each) is not signal.SIG_IGN or each is signal.SIGINT:
                signal.signal(each, self._note)

    def _note(self, number: int, _frame: object) -> None:
        # SIGTERM may well come twice, from make and to the whole process group.
        self.hurry = self.hurry or (self.stop and number == signal.SIGINT)
        self.stop = True


class LocalSystem:
    """All processes of the system, their data in one directory."""

    def __init__(self, directory: Path, procfile: Path, requests: StopRequests) -> None:
        self._directory = RunDirectory(directory)
        self._commands = read_procfile(procfile)
        self._requests = requests
        self._servers: list[EmbeddedServer] = []
        self._services: dict[str, subprocess.Popen[bytes]] = {}

    def run(self) -> None:
        """Start everything and keep it until somebody asks for the end.

        Raises StopRequested then, and CannotRun, DirectoryInUse, InvalidSettings, PortTaken or
        ServerFailed; however it ends, no process is left.
        """
        with ExitStack() as cleanup:
            cleanup.callback(self._directory.release)
            self._directory.acquire(self._while_leftovers)
            self._choose_servers()
            settings = self._settings()
            check_ports(settings)
            cleanup.enter_context(operator_environment(self._directory.path))
            for server in self._servers:
                cleanup.callback(server.close)
                self._start(server)
            _say("migrating the database")
            self._release()
            cleanup.callback(self._end_services, settings.shutdown_seconds + EXTRA_SHUTDOWN_SECONDS)
            ports = {"web": settings.port, "broadcaster": settings.broadcaster_port}
            for name in ports:
                self._services[name] = self._spawn(self._commands[name])
            for name, port in ports.items():
                self._await_answer(name, reachable(settings.host), port)
            self._print_addresses(settings)
            self._wait_until(lambda: False)

    def _while_leftovers(self, first: bool) -> None:
        if first:
            _say("waiting for the processes of a killed run to end")
        if self._requests.stop:
            raise StopRequested

    def _choose_servers(self) -> None:
        root = self._directory.path
        lock = self._directory.processes_lock
        keep_open = () if lock is None else (lock,)
        server: EmbeddedServer
        if not os.environ.get("DATABASE_URL"):
            server = EmbeddedPostgres(root / "postgres", keep_open=keep_open)
            os.environ["DATABASE_URL"] = server.url
            self._servers.append(server)
        if not os.environ.get("REDIS_URL"):
            server = EmbeddedValkey(root / "valkey", persistent=True, keep_open=keep_open)
            os.environ["REDIS_URL"] = server.url
            self._servers.append(server)

    def _settings(self) -> Settings:
        """Complete our environment, which the processes get, and check it as they will."""
        for variable, file, make in (
            ("JWT_PRIVATE_KEY", "jwt-private-key.pem", new_private_key),
            ("ACTION_TOKEN_SECRET", "action-token-secret", new_secret),
        ):
            if not os.environ.get(variable):
                os.environ[variable] = kept(self._directory.path / file, make)
        if not os.environ.get("HOST"):
            # Even where PORT is set, which elsewhere means a host that routes to it.
            os.environ["HOST"] = "127.0.0.1"
        settings = load_settings()
        if not os.environ.get("ALLOWED_ORIGINS"):
            names = ("127.0.0.1", "localhost")
            origins = ",".join(f"http://{name}:{settings.port}" for name in names)
            os.environ["ALLOWED_ORIGINS"] = origins
        binaries = Path(sys.executable).parent
        os.environ["PATH"] = f"{binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return settings

    def _start(self, server: EmbeddedServer) -> None:
        _say(f"starting {server.name}, data in {_shown(server.data_dir)}")
        server.start()
        if self._requests.stop:
            raise StopRequested

    def _release(self) -> None:
        """Run the Procfile's `release` to its end; what it says is shown only if it fails."""
        with tempfile.TemporaryFile() as output:
            release = self._spawn(self._commands["release"], output.fileno())
            try:
                self._wait_until(lambda: release.poll() is not None)
            finally:
                kill_tree(release)
            if release.returncode != 0:
                output.seek(0)
                os.write(sys.stderr.fileno(), output.read())
                raise CannotRun(f"release {_ending(release.returncode)}")

    def _spawn(self, command: list[str], output: int | None = None) -> subprocess.Popen[bytes]:
        lock = self._directory.processes_lock
        try:
            return spawn(command, output=output, keep_open=() if lock is None else (lock,))
        except OSError as error:
            raise CannotRun(f"{command[0]} can't be started: {error}") from None

    def _await_answer(self, name: str, host: str, port: int) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        status: int | None = None

        def answered() -> bool:
            nonlocal status
            status = health_status(host, port)
            if status is None and time.monotonic() > deadline:
                raise CannotRun(f"{name} doesn't answer on port {port}")
            return status is not None

        self._wait_until(answered)
        if status != HTTPStatus.OK:
            _say(f"warning: {name} answers {status} to GET {HEALTH}")

    def _wait_until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            if self._requests.stop:
                raise StopRequested
            endings = {server.name: server.poll() for server in self._servers}
            endings |= {name: service.poll() for name, service in self._services.items()}
            for name, status in endings.items():
                if status is not None:
                    raise CannotRun(f"{name} {_ending(status)}, so everything stops")
            time.sleep(_POLL_SECONDS)

    def _print_addresses(self, settings: Settings) -> None:
        host = reachable(settings.host)
        rows = {
            "live page": f"http://{host}:{settings.port}/",
            "API": f"http://{host}:{settings.port}/api/",
            "health": f"http://{host}:{settings.port}{HEALTH}",
            "WebSocket": f"ws://{host}:{settings.broadcaster_port}/ws",
        }
        for server in self._servers:
            password = _shown(server.password_file)
            rows[server.name] = f"{server.url_without_password} (password in {password})"
        rows["operators"] = 'make flask ARGS="users list"'
        _say("running; Ctrl-C stops everything")
        for name, address in rows.items():
            _say(f"  {name:<11}{address}")

    def _end_services(self, seconds: float) -> None:
        """SIGTERM to all, then SIGKILL to those left after `seconds`, or at a second Ctrl-C."""
        _say("stopping")
        for service in self._services.values():
            if service.poll() is None:
                service.terminate()
        deadline = time.monotonic() + seconds
        while any(service.poll() is None for service in self._services.values()):
            if self._requests.hurry or time.monotonic() > deadline:
                break
            time.sleep(_POLL_SECONDS)
        for service in self._services.values():
            kill_tree(service)
            with suppress(ProcessLookupError):  # workers that outlived theirs are in its group
                os.killpg(service.pid, signal.SIGKILL)


def _ending(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _say(text: str) -> None:
    # The terminal may be gone; stopping goes on all the same.
    with suppress(OSError):
        os.write(sys.stdout.fileno(), f"{text}\n".encode())


def main(procfile: Path = Path("Procfile")) -> int:
    """0 when it was asked to stop, 1 when it couldn't start or go on."""
    if os.environ.get("MAKELEVEL"):
        signal_me_when_parent_dies(signal.SIGTERM)  # kill -9 of make is to end everything too
    directory = Path(os.environ.get("LOCAL_DIR") or ".local")
    try:
        LocalSystem(directory, procfile, StopRequests()).run()
    except StopRequested:
        _say("stopped")
    except (CannotRun, DirectoryInUse, InvalidSettings, PortTaken, ServerFailed, OSError) as error:
        print(f"make run: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
