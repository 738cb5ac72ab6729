"""A player's calls with the Python client."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from clients.python.live_scoreboard_client import (
    ApiError,
    AsyncScoreboard,
    NoReply,
    Scoreboard,
    SessionEnded,
    point_scorer,
)
from tests.clients.conftest import FrozenBoard
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD
from tests.support.system.relay import Relay
from tests.support.waiting import await_true, run_coroutine

pytestmark = pytest.mark.slow


def test_a_player_registers_logs_in_scores_and_logs_out(running_system: SystemHarness) -> None:
    name = f"player_{secrets.token_hex(6)}"
    with Scoreboard(running_system.url) as first, Scoreboard(running_system.url) as second:
        user_id = first.register(name, PASSWORD, "Ada")
        assert second.login(name, PASSWORD) == user_id
        assert first.score()["newScore"] == 1
        assert second.score()["newScore"] == 2
        me = second.call("GET", "/api/users/me")
        assert (me["displayName"], me["score"]) == ("Ada", 2)
        second.logout()
        with pytest.raises(SessionEnded):
            second.score()


def test_the_same_calls_work_with_asyncio(running_system: SystemHarness) -> None:
    player = running_system.register()

    async def score() -> int:
        async with AsyncScoreboard(running_system.url) as scoreboard:
            await scoreboard.login(player.username, PASSWORD)
            outcomes = await asyncio.gather(*(scoreboard.score() for _ in range(5)))
            return max(outcome["newScore"] for outcome in outcomes)

    assert run_coroutine(score()) == 5


def test_a_point_whose_replies_were_lost_counts_once(
    running_system: SystemHarness, api_relay: Relay
) -> None:
    player = running_system.register()
    with Scoreboard(f"http://127.0.0.1:{api_relay.port}") as scoreboard:
        scoreboard.login(player.username, PASSWORD)
        api_relay.replies_to_lose += [b"POST /api/scores/increment"] * 2
        assert scoreboard.score()["newScore"] == 1
        assert api_relay.replies_to_lose == []
        assert scoreboard.score()["newScore"] == 2


def test_an_unsettled_point_is_settled_by_the_next_call(
    running_system: SystemHarness, api_relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(point_scorer, "RETRY_SECONDS", (0.01,) * 4)
    player = running_system.register()
    lost = [b"POST /api/scores/increment"] * 5
    with Scoreboard(f"http://127.0.0.1:{api_relay.port}") as scoreboard:
        scoreboard.login(player.username, PASSWORD)
        api_relay.replies_to_lose += lost
        with pytest.raises(NoReply):
            scoreboard.score()
        assert scoreboard.score()["newScore"] == 1
        assert scoreboard.call("GET", "/api/users/me")["score"] == 1


def test_a_registration_whose_reply_was_lost_can_be_repeated(
    running_system: SystemHarness, api_relay: Relay
) -> None:
    name, url = f"player_{secrets.token_hex(6)}", f"http://127.0.0.1:{api_relay.port}"
    api_relay.replies_to_lose += [b"POST /api/auth/register"]
    with Scoreboard(url) as scoreboard, Scoreboard(url) as other:
        with pytest.raises(NoReply):
            scoreboard.register(name, PASSWORD)
        assert scoreboard.register(name, PASSWORD) == scoreboard.user_id
        for password in (PASSWORD, "another password"):
            with pytest.raises(ApiError) as taken:
                other.register(name, password)
            assert taken.value.code == "USERNAME_TAKEN"


def test_players_with_shared_connections_have_logins_of_their_own(
    running_system: SystemHarness,
) -> None:
    with Scoreboard(running_system.url) as site:
        players = [site.for_another_player() for _ in range(2)]
        ids = [player.register(f"player_{secrets.token_hex(6)}", PASSWORD) for player in players]
        players[0].close()
        assert site.user_id is None
        assert players[1].call("GET", "/api/users/me")["userId"] == players[1].user_id == ids[1]
        assert ids[0] != ids[1]


def test_the_clock_and_all_rows_of_a_board_are_read(
    running_system: SystemHarness, frozen_board: FrozenBoard
) -> None:
    with Scoreboard(running_system.url) as scoreboard:
        settings = scoreboard.read_settings(frozen_board.key)
        (row,) = scoreboard.read_standings(frozen_board.key)
        assert scoreboard.read_settings()["key"] == "main"
    assert (settings["state"], settings["closesAt"]) == ("frozen", None)
    assert settings["freezesAt"] is not None
    assert (row["userId"], row["score"]) == (frozen_board.user_id, 10)


def test_a_wrong_password_is_an_error_with_the_servers_code(running_system: SystemHarness) -> None:
    player = running_system.register()
    with Scoreboard(running_system.url) as scoreboard, pytest.raises(ApiError) as refused:
        scoreboard.login(player.username, "wrong password")
    assert (refused.value.status, refused.value.code) == (401, "INVALID_CREDENTIALS")


def test_a_blocking_call_from_a_handler_is_refused(running_system: SystemHarness) -> None:
    errors: list[RuntimeError] = []
    with Scoreboard(running_system.url) as scoreboard:

        def read(_board: object) -> None:
            try:
                scoreboard.read_board()
            except RuntimeError as error:
                errors.append(error)

        with scoreboard.watch(on_board=read):
            await_true(lambda: errors, 10)
    assert "another thread" in str(errors[0])
