"""The broadcaster's /metrics, of a real process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests
from websockets.sync.client import ClientConnection, connect

from app.contract import keys
from tests.support.broadcaster.harness import BroadcasterHarness, running_broadcaster
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow


def await_metric(broadcaster: BroadcasterHarness, series: str, expected: float) -> None:
    await_true(lambda: broadcaster.metric(series) == expected, 10)


def await_event(viewer: ClientConnection, name: str) -> None:
    while json.loads(viewer.recv(10))["event"] != name:
        pass


def test_connected_and_closed_viewers_are_counted(broadcaster: BroadcasterHarness) -> None:
    left = 'scoreboard_viewers_closed_total{code="1000",reason="left"}'
    before, gone = broadcaster.metric("scoreboard_viewers"), broadcaster.metric(left)
    with broadcaster.connect_viewer(), broadcaster.connect_viewer() as second:
        await_metric(broadcaster, "scoreboard_viewers", before + 2)
        # Counted as 1000 whichever code the viewer sends: each code would be a new series.
        second.close(4999)
        await_metric(broadcaster, "scoreboard_viewers", before + 1)
    await_metric(broadcaster, "scoreboard_viewers", before)
    assert broadcaster.metric(left) == gone + 2


def test_closed_and_lost_viewers_are_counted_by_code_and_reason(
    broadcaster: BroadcasterHarness,
) -> None:
    too_big = 'scoreboard_viewers_closed_total{code="1009",reason="message_too_big"}'
    lost = 'scoreboard_viewers_closed_total{code="1006",reason="lost"}'
    counted = broadcaster.metric(too_big), broadcaster.metric(lost)
    with broadcaster.connect_viewer() as viewer, broadcaster.connect_viewer() as vanishing:
        viewer.send("x" * 5000)
        await_metric(broadcaster, too_big, counted[0] + 1)
        vanishing.socket.shutdown(2)
        await_metric(broadcaster, lost, counted[1] + 1)


def test_a_point_counts_as_a_message_a_board_and_a_delay(broadcaster: BroadcasterHarness) -> None:
    person = broadcaster.register_player()
    messages = f'scoreboard_redis_messages_total{{channel="{keys.SCORE_UPDATE}"}}'
    boards, delays = "scoreboard_broadcast_seconds_count", "scoreboard_commit_to_send_seconds_count"
    with broadcaster.connect_viewer(person):
        before = [broadcaster.metric(each) for each in (messages, boards, delays)]
        waited = broadcaster.metric("scoreboard_commit_to_send_seconds_sum")
        person.score()
        await_metric(broadcaster, delays, before[2] + 1)
        assert [broadcaster.metric(each) for each in (messages, boards)] == [
            n + 1 for n in before[:2]
        ]
        assert 0 < broadcaster.metric("scoreboard_commit_to_send_seconds_sum") - waited < 1


def test_the_first_board_of_a_process_is_not_counted_as_a_delay(
    broadcaster: BroadcasterHarness, tmp_path: Path
) -> None:
    # Its change may be a day old.
    broadcaster.register_player().score()
    with running_broadcaster(broadcaster.stores, tmp_path) as second:
        await_metric(second, "scoreboard_broadcast_seconds_count", 1)
        assert second.metric("scoreboard_commit_to_send_seconds_count") == 0


def test_messages_of_viewers_are_counted_by_type(broadcaster: BroadcasterHarness) -> None:
    series = {
        kind: f'scoreboard_viewer_messages_total{{type="{kind}"}}'
        for kind in ("ping", "auth", "invalid")
    }
    before = {kind: broadcaster.metric(each) for kind, each in series.items()}
    person = broadcaster.register_player()
    with broadcaster.connect_viewer(person) as viewer:
        for message in ({"type": "ping"}, {"type": "auth", "token": "x"}, {"type": "ode"}):
            viewer.send(json.dumps(message))
        await_event(viewer, "error")
        await_event(viewer, "error")
    after = {kind: broadcaster.metric(each) for kind, each in series.items()}
    assert after == {kind: times + 1 for kind, times in before.items()}


def test_a_refused_handshake_is_counted_by_code_and_an_accepted_one_as_101(
    broadcaster: BroadcasterHarness,
) -> None:
    refused = 'scoreboard_errors_total{code="AUTH_REQUIRED"}'
    accepted = (
        'scoreboard_http_request_duration_seconds_count{method="GET",route="/ws",status="101"}'
    )
    before = broadcaster.metric(refused), broadcaster.metric(accepted)
    requests.get(f"{broadcaster.url}/ws", timeout=10)
    with connect(
        f"{broadcaster.websocket_url}?token={broadcaster.access_token(broadcaster.register_player())}"
    ):
        pass
    assert (broadcaster.metric(refused), broadcaster.metric(accepted)) == (
        before[0] + 1,
        before[1] + 1,
    )


def test_a_renewed_subscription_is_counted_as_a_reconnect(broadcaster: BroadcasterHarness) -> None:
    before = broadcaster.metric("scoreboard_redis_reconnects_total")
    broadcaster.services.redis.client_kill_filter(_type="pubsub")
    await_metric(broadcaster, "scoreboard_redis_reconnects_total", before + 1)
