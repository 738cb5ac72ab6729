"""Watching with the JavaScript client in Node, also where the network does not let it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from app.contract.standings import moment_text
from tests.clients.conftest import TOKEN_SECONDS, FrozenBoard, Judge
from tests.clients.js.node_program import Watcher
from tests.clients.scripted_broadcaster import broadcaster, ranks_of_other_boards
from tests.support.service_acts import OPERATOR
from tests.support.services import Services
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD
from tests.support.system.relay import Relay

pytestmark = pytest.mark.slow

CLOSE = datetime(2036, 12, 24, tzinfo=UTC)
FALLBACK_SECONDS = 5.0
RETURN_SECONDS = 15.0
"""For a busy machine, and an attempt after at most 4 s."""


def address(relay: Relay, scheme: str = "http", path: str = "") -> str:
    return f"{scheme}://127.0.0.1:{relay.port}{path}"


def test_a_viewer_with_a_login_sees_a_point_and_the_own_rank_over_the_websocket(
    running_system: SystemHarness,
) -> None:
    player = running_system.register()
    with Watcher(running_system.url, username=player.username, password=PASSWORD) as watcher:
        watcher.await_state("live", "websocket", 10)
        assert watcher.score() == {"scored": 1, "shown": True}
        watcher.await_rank(1)
        assert watcher.close() == 0
    versions = [line["version"] for line in watcher.seen if "version" in line]
    assert versions == sorted(versions)


def test_the_rank_on_another_board_is_not_taken_for_that_on_the_watched_one(
    running_system: SystemHarness,
) -> None:
    with (
        broadcaster(ranks_of_other_boards(), awaits_command=True) as url,
        Watcher(
            running_system.url, token="t", websocket_url=url, board="quiz", period="week"
        ) as watcher,
    ):
        watcher.await_rank(7)
    ranks = [line["rank"]["score"] for line in watcher.seen if "rank" in line]
    assert ranks == [7]


def test_a_viewer_without_a_login_sees_a_point(running_system: SystemHarness) -> None:
    with Watcher(running_system.url) as watcher:
        watcher.await_line(lambda line: "version" in line, 10)
        version = running_system.register().take_the_lead()["boardVersion"]
        watcher.await_line(lambda line: line.get("version", 0) >= version, 5)
        assert watcher.close() == 0


def test_where_upgrades_are_refused_it_falls_back_within_five_seconds(
    running_system: SystemHarness, broadcaster_relay: Relay
) -> None:
    player = running_system.register()
    broadcaster_relay.refuse_upgrades = True
    with Watcher(
        running_system.url,
        username=player.username,
        password=PASSWORD,
        websocket_url=address(broadcaster_relay, "ws", "/ws"),
    ) as watcher:
        watcher.await_state("live", "stream", FALLBACK_SECONDS)
        assert watcher.score()["shown"]


def test_where_streams_are_refused_too_it_polls_and_is_live_once_they_are_not(
    running_system: SystemHarness, broadcaster_relay: Relay
) -> None:
    broadcaster_relay.refuse_streams = True
    url = address(broadcaster_relay, "ws", "/ws")
    with Watcher(running_system.url, websocket_url=url) as watcher:
        watcher.await_state("polling", "polling", FALLBACK_SECONDS)
        version = running_system.register().take_the_lead()["boardVersion"]
        watcher.await_line(lambda line: line.get("version", 0) >= version, 5)
        broadcaster_relay.refuse_streams = False
        watcher.await_state("live", "stream", RETURN_SECONDS)


def test_it_is_live_again_at_once_when_the_server_is_back(
    running_system: SystemHarness, api_relay: Relay, broadcaster_relay: Relay
) -> None:
    player = running_system.register()
    with Watcher(
        address(api_relay),
        username=player.username,
        password=PASSWORD,
        websocket_url=address(broadcaster_relay, "ws", "/ws"),
    ) as watcher:
        watcher.await_state("live", "websocket", 10)
        for relay in (api_relay, broadcaster_relay):
            relay.down()
        watcher.await_state("waiting", "", 10)
        # Long enough that a growing delay would have grown.
        time.sleep(5)
        for relay in (api_relay, broadcaster_relay):
            relay.up()
        watcher.await_state("live", "websocket", FALLBACK_SECONDS)


@pytest.mark.parametrize(
    ("has_login", "transport"), [(True, "websocket"), (False, "stream")], ids=["login", "no-login"]
)
def test_a_step_of_a_reveal_arrives_with_its_board(
    running_system: SystemHarness, frozen_board: FrozenBoard, transport: str, *, has_login: bool
) -> None:
    token = running_system.register().access_token if has_login else None
    with Watcher(running_system.url, token=token, board=frozen_board.key) as watcher:
        watcher.await_state("live", transport, 10)
        watcher.await_line(lambda line: is_frozen_at(line, 0), 10)
        frozen_board.reveal()
        step = watcher.await_line(lambda line: "reveal" in line, 10)["reveal"]
        watcher.await_seen(lambda line: line.get("version", 0) >= step["version"], 10)
        watcher.await_seen(lambda line: is_frozen_at(line, 1), 10)
    climb = {name: step[name] for name in ("userId", "fromScore", "toScore", "remaining", "board")}
    assert climb == {
        "userId": frozen_board.user_id,
        "fromScore": 10,
        "toScore": 15,
        "remaining": 0,
        "board": frozen_board.key,
    }


def is_frozen_at(line: dict[str, Any], number: int) -> bool:
    """Whether this is the contest of a frozen board after that step."""
    contest = line.get("contest")
    if contest is None or contest["state"] != "frozen":
        return False
    return bool((contest["reveal"] or {"number": 0})["number"] == number)


def test_a_watch_that_polls_has_the_contest_too(
    running_system: SystemHarness, broadcaster_relay: Relay, frozen_board: FrozenBoard
) -> None:
    broadcaster_relay.refuse_streams = True
    url = address(broadcaster_relay, "ws", "/ws")
    with Watcher(running_system.url, websocket_url=url, board=frozen_board.key) as watcher:
        line = watcher.await_line(lambda line: is_frozen_at(line, 0), 10)
        frozen_board.reveal()
        watcher.await_line(lambda line: is_frozen_at(line, 1), 10)
    assert (line["contest"]["board"], line["contest"]["period"]) == (frozen_board.key, "all")


def test_a_watch_that_polls_has_no_contest_until_the_board_has_a_clock(
    running_system: SystemHarness, broadcaster_relay: Relay, judge: Judge, operator: Services
) -> None:
    broadcaster_relay.refuse_streams = True
    url = address(broadcaster_relay, "ws", "/ws")
    with Watcher(running_system.url, websocket_url=url, board=judge.board) as watcher:
        watcher.await_line(lambda line: "version" in line, 10)
        operator.boards.edit(OPERATOR, judge.board, times={"closes_at": CLOSE})
        contest = watcher.await_line(lambda line: "contest" in line, 10)["contest"]
    assert contest["closesAt"] == moment_text(CLOSE)


def test_it_renews_its_token_on_the_open_connection(short_tokens_system: SystemHarness) -> None:
    player = short_tokens_system.register()
    with Watcher(short_tokens_system.url, username=player.username, password=PASSWORD) as watcher:
        for _ in range(3):
            watcher.await_line(lambda line: line.get("event") == "connected", TOKEN_SECONDS + 10)
    assert {"event": "disconnect"} not in watcher.seen


def test_a_viewer_whose_session_ends_stops(running_system: SystemHarness) -> None:
    player = running_system.register()
    with Watcher(running_system.url, token=player.access_token) as watcher:
        watcher.await_state("live", "websocket", 10)
        assert player.call("POST", "/auth/logout").ok
        watcher.await_state("ended", "", 10)


def test_a_viewer_whose_token_expires_while_the_broadcaster_is_down_stops(
    running_system: SystemHarness, broadcaster_relay: Relay, operator: Services
) -> None:
    with Watcher(
        running_system.url,
        token=operator.display_tokens.issue(OPERATOR, "hall", TOKEN_SECONDS).jwt,
        websocket_url=address(broadcaster_relay, "ws", "/ws"),
    ) as watcher:
        watcher.await_state("live", "websocket", 10)
        broadcaster_relay.down()
        watcher.await_state("polling", "polling", FALLBACK_SECONDS)
        watcher.await_state("ended", "", TOKEN_SECONDS + FALLBACK_SECONDS)


@pytest.mark.parametrize(("board", "period"), [("no-such-board", None), ("main", "week")])
def test_an_unknown_board_or_period_ends_the_watch(
    board: str, period: str | None, running_system: SystemHarness
) -> None:
    with Watcher(running_system.url, board=board, period=period) as watcher:
        watcher.await_state("ended", "", 10)
