"""tools/watch.py as a process, against a real system."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.audit.audited_change import Initiator
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.services import services_in
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD, Player
from tests.tools.interrupts import ignored_ctrl_c
from tests.tools.watch_process import TIMEOUT_SECONDS, WatchTerminal, watch_json

pytestmark = pytest.mark.slow


@pytest.fixture
def player(running_system: SystemHarness) -> Player:
    return running_system.register()


def test_after_a_login_each_frame_is_printed_at_once_and_ctrl_c_ends_it_with_status_0(
    running_system: SystemHarness, tmp_path: Path
) -> None:
    player = running_system.register("Zoë [bold]✓")
    words = (running_system.url, "--username", player.username)
    with watch_json(tmp_path, *words, SCOREBOARD_PASSWORD=PASSWORD) as watch:
        assert watch.next("connected")["userId"] == player.user_id
        watch.next("leaderboard_update")
        version = player.take_the_lead()["boardVersion"]
        assert watch.next_board(version)["version"] >= version
        watch.press_ctrl_c()
        assert watch.wait() == 0
    assert watch.errors == ""


def test_ctrl_c_ends_it_also_if_its_parent_ignores_ctrl_c(
    running_system: SystemHarness, player: Player, tmp_path: Path
) -> None:
    words = (running_system.websocket_url, "--token", player.access_token)
    with watch_json(tmp_path, *words, before_start=ignored_ctrl_c) as watch:
        watch.next("leaderboard_update")
        watch.press_ctrl_c()
        assert watch.wait() == 0
    assert watch.errors == ""


def test_a_closed_pipe_ends_it_although_no_frame_comes(
    running_system: SystemHarness, player: Player, tmp_path: Path
) -> None:
    words = (running_system.websocket_url, "--token", player.access_token)
    with watch_json(tmp_path, *words) as watch:
        watch.next("leaderboard_update")
        watch.close_pipe()
        assert watch.wait() == 0
    assert watch.errors == ""


def test_a_displays_address_is_enough_until_its_token_is_revoked(
    running_system: SystemHarness, tmp_path: Path
) -> None:
    initiator = Initiator("operator:x", "a test")
    with services_in(running_system.environment()) as services:
        issued = services.display_tokens.issue(initiator, "hall", 3600)
        with watch_json(tmp_path, f"{running_system.url}/?display#{issued.jwt}") as watch:
            assert watch.next("connected")["userId"] == issued.token.id
            services.display_tokens.revoke(initiator, issued.token)
            assert watch.next("disconnect")["reason"] == "session_revoked"
            assert watch.wait() == 1
    assert watch.errors == "The server closed the connection for good: session_revoked\n"


@pytest.fixture
def own_system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """A system whose broadcaster the test stops, with access tokens that last 8 s."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        variables = {"ACCESS_TOKEN_SECONDS": "8"}
        folder = tmp_path_factory.mktemp("system")
        with SystemHarness(stores, folder, variables=variables) as system:
            yield system


def test_it_renews_its_token_and_reconnects_to_a_restarted_broadcaster(
    own_system: SystemHarness, tmp_path: Path
) -> None:
    player = own_system.register()
    words = (own_system.url, "--username", player.username)
    with watch_json(tmp_path, *words, SCOREBOARD_PASSWORD=PASSWORD) as watch:
        watch.next("connected")
        # The server sends `connected` again after each renewal, on the same connection.
        watch.next("connected")
        watch.next("connected")
        assert {frame["event"] for frame in watch.frames} == {"connected", "leaderboard_update"}

        own_system.broadcasters[-1].send_signal(signal.SIGTERM)
        disconnect = watch.next("disconnect")
        assert disconnect["reason"] == "shutting_down"
        own_system.broadcasters[-1].wait(TIMEOUT_SECONDS)
        own_system.start_broadcaster(own_system.broadcaster_port)
        watch.next("connected")
        seen = max(frame["data"].get("version", 0) for frame in watch.frames)
        other = Player.register(own_system.url)
        version = other.score_point()["boardVersion"]
        assert watch.next_board(version)["version"] > seen
    first_line = watch.errors.splitlines()[0]
    delay_seconds = disconnect["reconnectInMs"] / 1000
    assert first_line == f"reconnecting in {delay_seconds:.1f} s: shutting_down"


def test_in_a_terminal_it_asks_for_a_login_and_shows_the_board_until_ctrl_c(
    running_system: SystemHarness,
) -> None:
    player = running_system.register("Ada [red]Lovelace")
    player.take_the_lead()
    terminal = WatchTerminal(running_system.url)
    try:
        terminal.await_output("Username: ")
        terminal.type(f"{player.username}\n")
        terminal.await_output("Password of ")
        terminal.type(f"{PASSWORD}\n")
        terminal.await_output("Live Scoreboard at ")
        # A name that looks like markup is shown as plain text.
        terminal.await_output(r"Ada \[red\]Lovelace[^\n]*\n(?s:.*)live   last change")
        score = player.score_point()["newScore"]
        terminal.await_output(rf"Ada \[red\]Lovelace[^\n]* {score} │")
        terminal.type("\x03")
        assert terminal.wait() == 0
        assert PASSWORD not in terminal.output
        assert "Traceback" not in terminal.output
    finally:
        terminal.close()


def test_a_board_and_a_period_are_asked_for_and_an_unknown_board_ends_it(
    running_system: SystemHarness, player: Player, tmp_path: Path
) -> None:
    words = (running_system.url, "--token", player.access_token)
    with watch_json(tmp_path, *words, "--board", "main", "--period", "all") as watch:
        watch.next("leaderboard_update")
        watch.press_ctrl_c()
        assert watch.wait() == 0
    with watch_json(tmp_path, *words, "--board", "no-such-board") as watch:
        assert watch.wait() == 1
    assert "There is no such board" in watch.errors
