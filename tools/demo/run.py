"""`make demo`: start a system in a temporary folder, play the event, and delete everything.

The system and the replay are child processes, so this process only waits for them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from config.settings import VARIABLES
from tools.demo.event import EVENT_SECONDS, write_event
from tools.local.embedded_server import HOST, reserve_port
from tools.local.network.ports import health_status
from tools.local.processes import end, signal_on_parent_death, spawn
from tools.local.stop_requests import StopRequested, StopRequests

FINISHED = "the event is over; Ctrl-C ends the demo and deletes its data"
_UNLIMITED = "1000000 per minute"
_SETTINGS = {
    "TOKEN_LIMIT": _UNLIMITED,
    "INCREMENT_LIMIT": _UNLIMITED,
    "AUTH_LIMIT": _UNLIMITED,
    "READ_LIMIT": _UNLIMITED,
    "FRAUD_RAPID_MAX": "1000000",
    "BCRYPT_COST": "10",
    "SHUTDOWN_SECONDS": "3",
}
_STOP_SECONDS = 60
_POLL_SECONDS = 0.05


class DemoFailed(Exception):
    """The system or the replay ended. The system has printed its reason."""


class Demo:
    """A system and its event, in a folder that is deleted at the end."""

    def __init__(self, folder: Path, requests: StopRequests, cleanup: ExitStack) -> None:
        self._folder = folder
        self._requests = requests
        self._cleanup = cleanup
        self._ports = [self._reserve() for _ in ("PORT", "BROADCASTER_PORT")]
        self._system: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Play the event, and show its board until a signal asks for the end.

        Raises StopRequested at the signal, and DemoFailed.
        """
        self._system = spawn(_command("tools.local"), environment=self._environment())
        self._cleanup.callback(end, self._system, (signal.SIGTERM, _STOP_SECONDS))
        self._wait_until(lambda: all(health_status(HOST, port) for port in self._ports))
        page = f"http://{HOST}:{self._ports[0]}"
        print(f"open {page}/ now: an event of {EVENT_SECONDS} seconds starts", flush=True)
        self._play(page)
        print(FINISHED, flush=True)
        self._wait_until(lambda: False)

    def _play(self, page: str) -> None:
        file, log = self._folder / "event.csv", self._folder / "replay.log"
        write_event(file)
        command = _command("tools.replay", str(file), "--url", page, "--speed", "1")
        with log.open("wb") as output:
            replay = spawn(command, output=output)
        self._cleanup.callback(end, replay, (signal.SIGTERM, _STOP_SECONDS))
        self._wait_until(lambda: replay.poll() is not None)
        if replay.returncode != 0:
            reason = log.read_text(encoding="utf-8", errors="replace")
            raise DemoFailed(f"the event could not be played:\n{reason}")

    def _wait_until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            if self._requests.stop:
                raise StopRequested
            if self._system is not None and self._system.poll() is not None:
                raise DemoFailed("the system has ended")
            time.sleep(_POLL_SECONDS)

    def _reserve(self) -> int:
        reservation = self._cleanup.enter_context(reserve_port(HOST))
        port: int = reservation.getsockname()[1]
        return port

    def _environment(self) -> dict[str, str]:
        """The caller's environment without its settings, which belong to another system."""
        settings = {variable.name for variable in VARIABLES}
        inherited = {name: value for name, value in os.environ.items() if name not in settings}
        web_port, broadcaster_port = (str(port) for port in self._ports)
        own = {
            "LOCAL_DIR": str(self._folder / "local"),
            "PORT": web_port,
            "BROADCASTER_PORT": broadcaster_port,
        }
        return {**inherited, **_SETTINGS, **own}


def _command(module: str, *words: str) -> list[str]:
    return [sys.executable, "-m", module, *words]


def main() -> int:
    """Exit status 0 after a signal, 1 if the system or the replay failed."""
    if os.environ.get("MAKELEVEL"):
        signal_on_parent_death(signal.SIGTERM)  # so that SIGKILL to make ends this too
    requests = StopRequests()
    with ExitStack() as cleanup:
        folder = cleanup.enter_context(TemporaryDirectory(prefix="live-scoreboard-demo-"))
        try:
            Demo(Path(folder), requests, cleanup).run()
        except StopRequested:
            return 0
        except DemoFailed as error:
            print(f"make demo: {error}", file=sys.stderr)
            return 1
    return 0
