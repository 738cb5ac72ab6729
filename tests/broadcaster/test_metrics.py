"""The broadcaster's /metrics: viewers, boards, delays and losses, of a real process."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import requests
from websockets.sync.client import ClientConnection, connect

from app.contract import keys
from tests.awaiting import await_true
from tests.broadcaster.stage import Stage, broadcaster_on

pytestmark = pytest.mark.slow


def value(stage: Stage, series: str) -> float:
    """What the series is now; 0 where there is none yet."""
    text = requests.get(f"{stage.url}/metrics", timeout=10).text
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.M)
    return float(found[1]) if found else 0.0


def await_value(stage: Stage, series: str, expected: float) -> None:
    await_true(lambda: value(stage, series) == expected, 10)


def await_event(viewer: ClientConnection, name: str) -> None:
    while json.loads(viewer.recv(10))["event"] != name:
        pass


def test_viewers_are_counted_as_they_come_and_go(stage: Stage) -> None:
    left = 'scoreboard_viewers_closed_total{code="1000",reason="left"}'
    before, gone = value(stage, "scoreboard_viewers"), value(stage, left)
    with stage.watch(), stage.watch() as second:
        await_value(stage, "scoreboard_viewers", before + 2)
        # Whatever code they choose, or each would be a series of its own.
        second.close(4999)
        await_value(stage, "scoreboard_viewers", before + 1)
    await_value(stage, "scoreboard_viewers", before)
    assert value(stage, left) == gone + 2


def test_the_dropped_are_counted_by_code_and_reason(stage: Stage) -> None:
    nonsense = 'scoreboard_viewers_closed_total{code="1009",reason="message_too_big"}'
    lost = 'scoreboard_viewers_closed_total{code="1006",reason="lost"}'
    counted = value(stage, nonsense), value(stage, lost)
    with stage.watch() as viewer, stage.watch() as vanishing:
        viewer.send("x" * 5000)
        await_value(stage, nonsense, counted[0] + 1)
        vanishing.socket.shutdown(2)
        await_value(stage, lost, counted[1] + 1)


def test_a_point_is_a_message_a_board_and_a_delay(stage: Stage) -> None:
    person = stage.person()
    messages = f'scoreboard_redis_messages_total{{channel="{keys.SCORE_UPDATE}"}}'
    boards, delays = "scoreboard_broadcast_seconds_count", "scoreboard_commit_to_send_seconds_count"
    with stage.watch(person):
        before = [value(stage, each) for each in (messages, boards, delays)]
        waited = value(stage, "scoreboard_commit_to_send_seconds_sum")
        person.score()
        await_value(stage, delays, before[2] + 1)
        assert [value(stage, each) for each in (messages, boards)] == [n + 1 for n in before[:2]]
        assert 0 < value(stage, "scoreboard_commit_to_send_seconds_sum") - waited < 1


def test_the_board_that_a_process_begins_with_is_no_delay(stage: Stage, tmp_path: Path) -> None:
    # It may be of yesterday.
    stage.person().score()
    with broadcaster_on(stage.stores, tmp_path) as second:
        await_value(second, "scoreboard_broadcast_seconds_count", 1)
        assert value(second, "scoreboard_commit_to_send_seconds_count") == 0


def test_what_viewers_say_is_counted_by_type(stage: Stage) -> None:
    series = {
        kind: f'scoreboard_viewer_messages_total{{type="{kind}"}}'
        for kind in ("ping", "auth", "invalid")
    }
    before = {kind: value(stage, each) for kind, each in series.items()}
    person = stage.person()
    with stage.watch(person) as viewer:
        for message in ({"type": "ping"}, {"type": "auth", "token": "x"}, {"type": "ode"}):
            viewer.send(json.dumps(message))
        await_event(viewer, "error")
        await_event(viewer, "error")
    after = {kind: value(stage, each) for kind, each in series.items()}
    assert after == {kind: times + 1 for kind, times in before.items()}


def test_a_refused_handshake_is_an_error_by_code_and_an_accepted_one_a_101(stage: Stage) -> None:
    refused = 'scoreboard_errors_total{code="AUTH_REQUIRED"}'
    accepted = (
        'scoreboard_http_request_duration_seconds_count{method="GET",route="/ws",status="101"}'
    )
    before = value(stage, refused), value(stage, accepted)
    requests.get(f"{stage.url}/ws", timeout=10)
    with connect(f"{stage.websocket_url}?token={stage.access_token(stage.person())}"):
        pass
    assert (value(stage, refused), value(stage, accepted)) == (before[0] + 1, before[1] + 1)


def test_a_subscription_that_stands_anew_is_a_reconnect(stage: Stage) -> None:
    before = value(stage, "scoreboard_redis_reconnects_total")
    stage.services.redis.client_kill_filter(_type="pubsub")
    await_value(stage, "scoreboard_redis_reconnects_total", before + 1)
