"""tools/watch.py as it is started: real processes against a real system, and one in a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from app.composition import build_services
from app.services.moderation import Act
from config.settings import load_settings
from tests.awaiting import await_true
from tests.servers import ROOT, DatabaseServer, Stores, redis_server
from tests.system.player import PASSWORD, Player
from tests.system.running import RunningSystem

pytestmark = pytest.mark.slow
SECONDS = 20
_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "tools.watch", *words]


def shell(**variables: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"TERM": "xterm-256color", "LANG": "C.UTF-8"} | variables


class Lines:
    """A running `--json`, and the frames it printed so far."""

    def __init__(self, process: subprocess.Popen[bytes], errors: Path) -> None:
        self.process = process
        self.errors = errors
        self.frames: list[dict[str, Any]] = []

    def next(self, event: str) -> dict[str, Any]:
        """The data of the next frame of that event."""
        assert self.process.stdout is not None
        limit = time.monotonic() + SECONDS
        while time.monotonic() < limit:
            ready, _, _ = select.select([self.process.stdout], [], [], 0.2)
            if ready:
                line = self.process.stdout.readline()
                assert line.endswith(b"\n"), self.errors.read_text()
                self.frames.append(json.loads(line))
                if self.frames[-1]["event"] == event:
                    data: dict[str, Any] = self.frames[-1]["data"]
                    return data
        raise AssertionError(f"no {event} within {SECONDS} s: {self.errors.read_text()}")

    def board(self, version: int) -> dict[str, Any]:
        """The first board of that version or a newer one."""
        while (board := self.next("leaderboard_update"))["version"] < version:
            pass
        return board


@contextmanager
def lines(tmp_path: Path, *words: str, **variables: str) -> Iterator[Lines]:
    errors = tmp_path / "errors"
    with (
        errors.open("wb") as stderr,
        subprocess.Popen(
            command("--json", *words),
            cwd=ROOT,
            env=shell(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            bufsize=0,
        ) as process,
    ):
        try:
            yield Lines(process, errors)
        finally:
            process.kill()


def test_a_login_prints_a_line_a_frame_at_once_and_ctrl_c_ends_it_cleanly(
    running_system: RunningSystem, tmp_path: Path
) -> None:
    player = running_system.register("Zoë [bold]✓")
    words = (running_system.url, "--username", player.username)
    with lines(tmp_path, *words, SCOREBOARD_PASSWORD=PASSWORD) as watch:
        assert watch.next("connected")["userId"] == player.user_id
        watch.next("leaderboard_update")
        version = player.take_the_lead()["boardVersion"]
        assert watch.board(version)["version"] >= version
        watch.process.send_signal(signal.SIGINT)
        assert watch.process.wait(SECONDS) == 0
    assert watch.errors.read_text() == ""


def test_a_closed_pipe_ends_it_though_nothing_comes(
    running_system: RunningSystem, player: Player, tmp_path: Path
) -> None:
    words = (running_system.websocket_url, "--token", player.access_token)
    with lines(tmp_path, *words) as watch:
        watch.next("leaderboard_update")
        assert watch.process.stdout is not None
        watch.process.stdout.close()
        assert watch.process.wait(SECONDS) == 0
    assert watch.errors.read_text() == ""


@pytest.fixture
def player(running_system: RunningSystem) -> Player:
    return running_system.register()


def test_the_address_of_a_display_is_all_it_needs_until_the_token_is_revoked(
    running_system: RunningSystem, tmp_path: Path
) -> None:
    with patch.dict(os.environ, running_system.environment()):
        services = build_services(load_settings())
    act = Act("operator:x", "a test")
    issued = services.displays.issue(act, "hall", 3600)
    with lines(tmp_path, f"{running_system.url}/?display#{issued.jwt}") as watch:
        assert watch.next("connected")["userId"] == issued.token.id
        services.displays.revoke(act, issued.token)
        assert watch.next("disconnect")["reason"] == "session_revoked"
        assert watch.process.wait(SECONDS) == 1
    assert watch.errors.read_text() == "The server closed for good: session_revoked\n"
    services.close()


@pytest.fixture
def own_system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSystem]:
    """A system whose broadcaster may be stopped and whose access tokens live for 8 s."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        variables = {"ACCESS_TOKEN_SECONDS": "8"}
        folder = tmp_path_factory.mktemp("system")
        with RunningSystem(stores, folder, variables=variables) as system:
            yield system


def test_it_outlasts_its_token_and_the_broadcaster(
    own_system: RunningSystem, tmp_path: Path
) -> None:
    player = own_system.register()
    words = (own_system.url, "--username", player.username)
    with lines(tmp_path, *words, SCOREBOARD_PASSWORD=PASSWORD) as watch:
        watch.next("connected")
        # Renewed in band: greeted anew, and never sent away.
        watch.next("connected")
        watch.next("connected")
        assert {frame["event"] for frame in watch.frames} == {"connected", "leaderboard_update"}

        own_system.broadcasters[-1].send_signal(signal.SIGTERM)
        goodbye = watch.next("disconnect")
        assert goodbye["reason"] == "shutting_down"
        own_system.broadcasters[-1].wait(SECONDS)
        own_system.start_broadcaster(own_system.broadcaster_port)
        watch.next("connected")
        seen = watch.next("leaderboard_update")["version"]
        other = Player.register(own_system.url)
        version = other.score_point()["boardVersion"]
        assert watch.board(version)["version"] > seen
    told = watch.errors.read_text().splitlines()[0]
    assert told == f"reconnecting in {goodbye['reconnectInMs'] / 1000:.1f} s: shutting_down"


class Terminal:
    """The tool in a terminal of 100 columns; `shown` is all that it wrote."""

    def __init__(self, *words: str) -> None:
        self._ours, theirs = pty.openpty()
        self.shown = ""
        self._read = 0
        # As a shell starts it: the terminal is its own, so Ctrl-C typed there reaches it.
        self.process = subprocess.Popen(
            command(*words),
            cwd=ROOT,
            env=shell(COLUMNS="100", LINES="40"),
            preexec_fn=lambda: os.login_tty(theirs),  # noqa: PLW1509 - one system call
        )
        os.close(theirs)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def await_shown(self, pattern: str) -> None:
        """Return when this was written since the last time, styles left out."""
        limit = time.monotonic() + SECONDS
        while not (found := re.compile(pattern).search(_STYLE.sub("", self.shown[self._read :]))):
            assert time.monotonic() < limit, self.shown
            if select.select([self._ours], [], [], 0.2)[0]:
                try:
                    self.shown += os.read(self._ours, 65536).decode(errors="replace")
                except OSError as error:
                    raise AssertionError(self.shown) from error
        assert found
        self._read = len(self.shown)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


def test_in_a_terminal_it_asks_who_you_are_and_shows_the_board_until_ctrl_c(
    running_system: RunningSystem,
) -> None:
    player = running_system.register("Ada [red]Lovelace")
    board = player.call("GET", "/leaderboard").json()["leaderboard"]
    for _ in range(max((row["score"] for row in board), default=0) + 1):
        player.score_point()
    terminal = Terminal(running_system.url)
    try:
        terminal.await_shown("Username: ")
        terminal.type(f"{player.username}\n")
        terminal.await_shown("Password of ")
        terminal.type(f"{PASSWORD}\n")
        terminal.await_shown("Live Scoreboard at ")
        # Names are text: what looks like markup is shown as it is.
        terminal.await_shown(r"Ada \[red\]Lovelace[^\n]*\n(?s:.*)live   last change")
        score = player.score_point()["newScore"]
        terminal.await_shown(rf"Ada \[red\]Lovelace[^\n]* {score} │")
        terminal.type("\x03")
        await_true(lambda: terminal.process.poll() is not None, SECONDS)
        assert terminal.process.returncode == 0
        assert PASSWORD not in terminal.shown
        assert "Traceback" not in terminal.shown
    finally:
        terminal.close()
