"""`make run`: start the whole system on one machine, and stop it without leftovers.

Starts the servers, migrates the database, then starts the Procfile's web and broadcaster.
Decision 3 lists what this promises.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from http import HTTPStatus
from pathlib import Path

from config.settings import InvalidSettings, Settings
from tools.local.embedded import EmbeddedPostgres, EmbeddedValkey
from tools.local.embedded_server import EmbeddedServer, ServerFailed
from tools.local.network.links import local_links, network_links
from tools.local.network.ports import HEALTH, PortTaken, check_ports, health_status, local_address
from tools.local.operator_environment import operator_environment
from tools.local.processes import kill_tree, signal_on_parent_death, spawn
from tools.local.procfile import read_procfile
from tools.local.run_directory import DirectoryInUse, RunDirectory
from tools.local.run_logs import RunLogs
from tools.local.run_settings import complete_environment
from tools.local.stop_requests import StopRequested, StopRequests

ANSWER_SECONDS = 60
EXTRA_SHUTDOWN_SECONDS = 5
_POLL_SECONDS = 0.05


class CannotRun(Exception):
    """The system can't start or continue; the message is for the operator."""


class LocalSystem:
    """The processes of one local run, with their data in one directory."""

    def __init__(self, directory: Path, procfile: Path, requests: StopRequests) -> None:
        self._directory = RunDirectory(directory)
        self._logs = RunLogs(self._directory.path)
        self._commands = read_procfile(procfile)
        self._requests = requests
        self._servers: list[EmbeddedServer] = []
        self._services: dict[str, subprocess.Popen[bytes]] = {}

    def run(self) -> None:
        """Start everything and run it until a signal asks for the end; leaves no process behind.

        Raises StopRequested at the signal. Raises CannotRun, DirectoryInUse, InvalidSettings,
        PortTaken or ServerFailed if the system can't start or continue.
        """
        with ExitStack() as cleanup:
            cleanup.callback(self._directory.release)
            self._directory.acquire(self._while_leftovers)
            self._choose_servers()
            settings = complete_environment(self._directory.path)
            check_ports(settings)
            cleanup.enter_context(operator_environment(self._directory.path))
            for server in self._servers:
                cleanup.callback(server.close)
                self._start(server)
            _print("migrating the database")
            self._release()
            cleanup.callback(self._end_services, settings.shutdown_seconds + EXTRA_SHUTDOWN_SECONDS)
            ports = {"web": settings.port, "broadcaster": settings.broadcaster_port}
            for name in ports:
                self._services[name] = self._spawn(name)
            for name, port in ports.items():
                self._await_answer(name, local_address(settings.host), port)
            self._print_addresses(settings)
            self._wait_until(lambda: False)

    def _while_leftovers(self, first: bool) -> None:
        if first:
            _print("waiting for the processes of a killed run to end")
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

    def _start(self, server: EmbeddedServer) -> None:
        _print(f"starting {server.name}, data in {_short_path(server.data_dir)}")
        server.start()
        if self._requests.stop:
            raise StopRequested

    def _release(self) -> None:
        """Run the Procfile's `release` to its end."""
        release = self._spawn("release")
        try:
            self._wait_until(lambda: release.poll() is not None)
        finally:
            kill_tree(release)
        if release.returncode != 0:
            raise self._failure("release", release.returncode)

    def _spawn(self, name: str) -> subprocess.Popen[bytes]:
        """Start the process of that name in the Procfile, with its output in a log file."""
        command, lock = self._commands[name], self._directory.processes_lock
        try:
            with self._logs.output(name) as output:
                return spawn(command, output=output, keep_open=() if lock is None else (lock,))
        except OSError as error:
            raise CannotRun(f"can't start {command[0]}: {error}") from None

    def _failure(self, name: str, status: int) -> CannotRun:
        """The end of a process that had to continue or succeed, after the end of its log."""
        _print(self._logs.end_of(name).rstrip("\n") or f"{name} wrote nothing")
        log = _short_path(self._logs.path(name))
        return CannotRun(f"{name} {_ending(status)}, so everything stops; its log is {log}")

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
            _print(f"warning: {name} answers {status} to GET {HEALTH}")

    def _wait_until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            if self._requests.stop:
                raise StopRequested
            for server in self._servers:
                if (status := server.poll()) is not None:
                    log = _short_path(server.log_file)
                    raise CannotRun(
                        f"{server.name} {_ending(status)}, so everything stops; its log is {log}"
                    )
            for name, service in self._services.items():
                if (status := service.poll()) is not None:
                    raise self._failure(name, status)
            time.sleep(_POLL_SECONDS)

    def _print_addresses(self, settings: Settings) -> None:
        rows = local_links(settings)
        directory = os.environ.get("LOCAL_DIR")
        variable = f" LOCAL_DIR={shlex.quote(directory)}" if directory else ""
        for server in self._servers:
            password = _short_path(server.password_file)
            address = f"{server.url_without_password} (password in {password})"
            rows.append((server.name, address))
        rows.append(("operators", f'make flask{variable} ARGS="users list"'))
        rows.append(("logs", f"make logs{variable} (in {_short_path(self._logs.path('*'))})"))
        _print("running; Ctrl-C stops everything")
        for name, address in rows:
            _print(f"  {name:<11}{address}")
        if links := network_links(settings):
            _print(links)

    def _end_services(self, seconds: float) -> None:
        """Send SIGTERM to all, and SIGKILL after `seconds` or at a second Ctrl-C."""
        _print("stopping")
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
            with suppress(ProcessLookupError):  # ends workers that outlived their parent
                os.killpg(service.pid, signal.SIGKILL)


def _ending(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _short_path(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _print(text: str) -> None:
    # The terminal may be closed; stopping continues nevertheless.
    with suppress(OSError):
        os.write(sys.stdout.fileno(), f"{text}\n".encode())


def main(procfile: Path = Path("Procfile")) -> int:
    """Exit status 0 after a signal, 1 if the system couldn't start or continue."""
    if os.environ.get("MAKELEVEL"):
        signal_on_parent_death(signal.SIGTERM)  # so that SIGKILL to make ends this too
    directory = Path(os.environ.get("LOCAL_DIR") or ".local")
    try:
        LocalSystem(directory, procfile, StopRequests()).run()
    except StopRequested:
        _print("stopped")
    except (CannotRun, DirectoryInUse, InvalidSettings, PortTaken, ServerFailed, OSError) as error:
        print(f"make run: {error}", file=sys.stderr)
        return 1
    return 0
