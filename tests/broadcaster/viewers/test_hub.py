"""Viewers and their hub, with a heartbeat whose clock the test sets."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import gevent
import pytest

from app.contract.channels import SessionsEnded
from app.contract.events import LeaderboardUpdate
from app.contract.viewers.close_codes import TOO_SLOW, shutting_down
from broadcaster.viewers.connection import CLOSE_SECONDS, STALL_SECONDS
from broadcaster.viewers.hub import CLOSE_PAUSE_SECONDS
from broadcaster.viewers.send_buffer import MAX_PERSONAL_FRAMES
from broadcaster.viewers.websocket import frames
from tests.support.broadcaster.frames import json_frame
from tests.support.broadcaster.greenlets import await_greenlets
from tests.support.broadcaster.in_process_hub import (
    HEARTBEAT_SECONDS,
    InProcessHub,
    Peer,
    board,
    board_frame,
)

BOARD = LeaderboardUpdate.name


@pytest.fixture
def harness() -> Iterator[InProcessHub]:
    harness = InProcessHub()
    yield harness
    harness.close()


def names(events: list[dict[str, Any]]) -> list[str]:
    return [event["event"] for event in events]


def test_a_new_viewer_gets_connected_and_then_the_board(harness: InProcessHub) -> None:
    events = harness.join().read()
    assert names(events) == ["connected", BOARD]
    assert events[0]["data"]["tokenExpiresIn"] in {899, 900}


def test_a_full_socket_gets_only_the_newest_board_and_no_torn_frame(harness: InProcessHub) -> None:
    peer = harness.join()
    for version in range(2, 100):
        harness.audience.broadcast(board(version))
    versions = [event["data"]["version"] for event in peer.read() if event["event"] == BOARD]
    assert versions[0] == 1
    assert versions[-1] == 99
    assert len(versions) < 10
    assert versions == sorted(set(versions))
    harness.audience.broadcast(board(100))
    assert [event["data"]["version"] for event in peer.read()] == [100]


def test_personal_frames_wait_in_order_and_before_the_board(harness: InProcessHub) -> None:
    peer = harness.join()
    harness.audience.broadcast(board(2))
    harness.audience.broadcast(board(3))
    for number in range(MAX_PERSONAL_FRAMES):
        peer.viewer.send(frames.text(json.dumps({"event": "personal", "number": number})))
    events = peer.read()
    assert [each["number"] for each in events if each["event"] == "personal"] == list(
        range(MAX_PERSONAL_FRAMES)
    )
    assert (events[-1]["event"], events[-1]["data"]["version"]) == (BOARD, 3)


def test_a_viewer_that_leaves_too_many_personal_frames_unread_is_closed_as_too_slow(
    harness: InProcessHub,
) -> None:
    peer = harness.join()
    for _ in range(MAX_PERSONAL_FRAMES + 10):
        peer.viewer.send(board_frame(0))
    assert peer.read()[-1] == {"event": "CLOSE", "code": 4408}


def test_a_viewer_whose_socket_takes_nothing_for_ten_seconds_gets_a_disconnect_and_a_close_frame(
    harness: InProcessHub,
) -> None:
    peer = harness.join()
    harness.check_after(peer, 0)
    harness.audience.broadcast(board(2))
    harness.check_after(peer, STALL_SECONDS - 0.5)
    assert peer.viewer.close_by is None
    harness.check_after(peer, STALL_SECONDS)
    harness.audience.broadcast(board(3))
    events = peer.read()
    assert names(events)[-2:] == ["disconnect", "CLOSE"]
    assert events[-2]["data"]["reason"] == "too_slow"
    assert events[-1]["code"] == 4408
    assert 3 not in [event.get("data", {}).get("version") for event in events]


def test_a_viewer_that_never_reads_its_close_frame_is_dropped(harness: InProcessHub) -> None:
    peer = harness.join()
    harness.audience.broadcast(board(2))
    harness.check_after(peer, STALL_SECONDS)
    harness.check_after(peer, CLOSE_SECONDS / 2)
    assert not peer.viewer.closed
    harness.check_after(peer, CLOSE_SECONDS + 0.1)
    assert peer.viewer.closed
    assert len(harness.hub) == 0


def test_a_viewer_that_was_idle_is_dropped_if_it_does_not_answer_its_close_frame(
    harness: InProcessHub,
) -> None:
    peer = harness.join()
    peer.read()
    harness.check_after(peer, 0)
    peer.viewer.close(TOO_SLOW)
    harness.check_after(peer, CLOSE_SECONDS + 0.1)
    assert peer.viewer.closed


def test_a_slow_viewer_that_makes_progress_is_not_closed(harness: InProcessHub) -> None:
    peer = harness.join()
    peer.viewer.send(frames.text("x" * 60_000))
    for _ in range(3):
        peer.viewer.progress_at -= STALL_SECONDS
        assert peer.viewer.stalled(time.monotonic())
        peer.discard_received()
        # The reading makes room, and the bytes that are sent into it count as progress.
        await_greenlets(lambda: not peer.viewer.stalled(time.monotonic()))
        harness.check_after(peer, STALL_SECONDS / 2)
    assert peer.viewer.close_by is None


def test_a_viewer_that_vanishes_during_a_broadcast_does_not_affect_the_others(
    harness: InProcessHub,
) -> None:
    peers = [harness.join() for _ in range(5)]
    for peer in peers:
        peer.read()
    peers[2].sock.close()
    harness.audience.broadcast(board(2))
    harness.audience.broadcast(board(3))
    assert len(harness.hub) == 4
    for peer in peers[:2] + peers[3:]:
        assert peer.read()[-1]["data"]["version"] == 3


def test_a_viewer_that_joins_during_a_broadcast_starts_with_that_board(
    harness: InProcessHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broadcaster.viewers.audience.VIEWERS_PER_TURN", 1)
    for peer in [harness.join() for _ in range(3)]:
        peer.read()
    joined: list[Peer] = []
    gevent.spawn(lambda: joined.append(harness.join()))
    harness.audience.broadcast(board(2))
    (late,) = joined
    assert [event["data"]["version"] for event in late.read() if event["event"] == BOARD] == [2]


def test_a_viewer_whose_session_ends_between_verification_and_joining_is_closed(
    harness: InProcessHub,
) -> None:
    harness.hub.end_sessions(SessionsEnded("u", ("s",), "banned"))
    assert harness.join("u", "s").read()[-1] == {"event": "CLOSE", "code": 4403}
    assert names(harness.join("u", "other").read()) == ["connected", BOARD]
    harness.hub.forget_ended_sessions(time.monotonic() + 60)
    assert names(harness.join("u", "s").read()) == ["connected", BOARD]


def test_a_viewer_that_joins_during_the_shutdown_is_closed(harness: InProcessHub) -> None:
    harness.hub.close_all(shutting_down(1), 1)
    assert harness.join().read()[-1] == {"event": "CLOSE", "code": 1001}


def test_closing_all_viewers_pauses_between_them_but_not_longer_than_allowed(
    harness: InProcessHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(8):
        harness.join()
    monkeypatch.setattr("broadcaster.viewers.hub.CLOSES_PER_TURN", 2)
    pauses: list[float] = []
    monkeypatch.setattr("broadcaster.viewers.hub.gevent.sleep", pauses.append)
    harness.hub.close_all(shutting_down(1), 60)
    assert pauses == [CLOSE_PAUSE_SECONDS] * 4
    pauses.clear()
    harness.hub.close_all(shutting_down(1), 0.02)
    assert sum(pauses) == pytest.approx(0.02)


def test_the_heartbeat_pings_a_silent_viewer_and_then_drops_it(harness: InProcessHub) -> None:
    peer = harness.join()
    peer.read()
    harness.check_after(peer, HEARTBEAT_SECONDS * 0.7)
    assert peer.read() == []
    harness.check_after(peer, HEARTBEAT_SECONDS)
    assert names(peer.read()) == ["PING"]
    harness.check_after(peer, HEARTBEAT_SECONDS * 1.9)
    assert not peer.viewer.closed
    harness.check_after(peer, HEARTBEAT_SECONDS * 2)
    assert peer.viewer.closed


def test_viewers_that_joined_together_are_not_pinged_together(harness: InProcessHub) -> None:
    peers = [harness.join() for _ in range(30)]
    for peer in peers:
        harness.check_after(peer, 0)
    due = sorted(peer.viewer.ping_at - peer.viewer.received_at for peer in peers)
    assert due[-1] <= HEARTBEAT_SECONDS
    assert due[-1] - due[0] > HEARTBEAT_SECONDS / 20
    assert len(set(due)) == len(due)


def test_late_sends_count_as_cpu_time_of_the_next_board(
    harness: InProcessHub,
) -> None:
    peer = harness.join()
    for version in range(2, 30):
        harness.audience.broadcast(board(version))
    harness.audience.on_sent_late(3.0)
    assert peer.read()
    assert 3.0 < harness.audience.broadcast(board(30)) < 4.0
    assert harness.audience.broadcast(board(31)) < 1.0


def test_a_viewer_that_sends_anything_after_a_ping_is_not_dropped(harness: InProcessHub) -> None:
    peer = harness.join()
    harness.check_after(peer, HEARTBEAT_SECONDS)
    peer.sock.send(json_frame({"any": "thing"}))
    await_greenlets(lambda: harness.messages == ['{"any": "thing"}'])
    harness.check_after(peer, HEARTBEAT_SECONDS * 2)
    assert not peer.viewer.closed


def test_an_expired_token_closes_the_viewer(harness: InProcessHub) -> None:
    peer = harness.join(expires_in=5)
    harness.check_after(peer, 3)
    assert names(peer.read()) == ["connected", BOARD]
    harness.check_after(peer, 6)
    assert peer.read()[-1] == {"event": "CLOSE", "code": 4401}
