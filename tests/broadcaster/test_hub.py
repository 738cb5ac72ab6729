"""Viewers and their hub, with a clock at hand."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import gevent
import pytest

from app.contract.messages import SessionsEnded
from broadcaster import frames
from broadcaster.close_codes import shutting_down
from broadcaster.hub import GOODBYE_PAUSE_SECONDS
from broadcaster.outbox import PERSONAL_FRAMES
from broadcaster.viewer import GRACE_SECONDS, STALL_SECONDS
from tests.broadcaster.frames_in import say
from tests.broadcaster.ground import HEARTBEAT_SECONDS, Ground, Peer, board


@pytest.fixture
def ground() -> Iterator[Ground]:
    made = Ground()
    yield made
    made.close()


def names(come: list[dict[str, Any]]) -> list[str]:
    return [event["event"] for event in come]


def test_a_new_viewer_gets_connected_then_the_board(ground: Ground) -> None:
    come = ground.join().read()
    assert names(come) == ["connected", "board"]
    assert come[0]["data"]["tokenExpiresIn"] in {899, 900}


def test_a_full_socket_keeps_only_the_newest_board_and_tears_none(ground: Ground) -> None:
    peer = ground.join()
    for version in range(2, 100):
        ground.hub.broadcast(board(version))
    versions = [event["version"] for event in peer.read() if event["event"] == "board"]
    assert versions[0] == 1
    assert versions[-1] == 99
    assert len(versions) < 10
    assert versions == sorted(set(versions))
    ground.hub.broadcast(board(100))
    assert [event["version"] for event in peer.read()] == [100]


def test_personal_frames_wait_in_order_and_before_the_board(ground: Ground) -> None:
    peer = ground.join()
    ground.hub.broadcast(board(2))
    ground.hub.broadcast(board(3))
    for number in range(PERSONAL_FRAMES):
        peer.viewer.tell(frames.text(json.dumps({"event": "personal", "number": number})))
    come = peer.read()
    assert [each["number"] for each in come if each["event"] == "personal"] == list(
        range(PERSONAL_FRAMES)
    )
    assert (come[-1]["event"], come[-1]["version"]) == ("board", 3)


def test_who_leaves_too_many_personal_frames_unread_is_too_slow(ground: Ground) -> None:
    peer = ground.join()
    for _ in range(PERSONAL_FRAMES + 10):
        peer.viewer.tell(board(0))
    assert peer.read()[-1] == {"event": "CLOSE", "code": 4408}


def test_a_socket_that_takes_nothing_for_ten_seconds_is_closed_in_good_form(
    ground: Ground,
) -> None:
    peer = ground.join()
    ground.hub.broadcast(board(2))
    ground.later(peer, STALL_SECONDS - 0.5)
    assert peer.viewer.close_by is None
    ground.later(peer, STALL_SECONDS)
    ground.hub.broadcast(board(3))
    come = peer.read()
    assert names(come)[-2:] == ["disconnect", "CLOSE"]
    assert come[-2]["data"]["reason"] == "too_slow"
    assert come[-1]["code"] == 4408
    assert 3 not in [event.get("version") for event in come]


def test_one_that_never_reads_again_is_dropped_after_the_grace(ground: Ground) -> None:
    peer = ground.join()
    ground.hub.broadcast(board(2))
    ground.later(peer, STALL_SECONDS)
    ground.later(peer, GRACE_SECONDS / 2)
    assert not peer.viewer.gone
    ground.later(peer, GRACE_SECONDS + 0.1)
    assert peer.viewer.gone
    assert len(ground.hub) == 0


def test_a_slow_reader_that_gets_on_is_kept(ground: Ground) -> None:
    peer = ground.join()
    peer.viewer.tell(frames.text("x" * 60_000))
    for _ in range(3):
        peer.viewer.progress_at -= STALL_SECONDS
        assert peer.viewer.stalled(time.monotonic())
        peer.drain()
        # What was read makes room, and what is sent into it counts as progress.
        gevent.sleep(0.005)
        ground.later(peer, STALL_SECONDS / 2)
    assert peer.viewer.close_by is None


def test_a_viewer_that_vanishes_in_a_broadcast_harms_nobody(ground: Ground) -> None:
    peers = [ground.join() for _ in range(5)]
    for peer in peers:
        peer.read()
    peers[2].sock.close()
    ground.hub.broadcast(board(2))
    ground.hub.broadcast(board(3))
    assert len(ground.hub) == 4
    for peer in peers[:2] + peers[3:]:
        assert peer.read()[-1]["version"] == 3


def test_who_joins_during_a_broadcast_begins_with_that_board(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broadcaster.hub.VIEWERS_A_TURN", 1)
    for peer in [ground.join() for _ in range(3)]:
        peer.read()
    joined: list[Peer] = []
    gevent.spawn(lambda: joined.append(ground.join()))
    ground.hub.broadcast(board(2))
    (late,) = joined
    assert [event["version"] for event in late.read() if event["event"] == "board"] == [2]


def test_a_session_that_ends_between_verifying_and_joining_is_closed(ground: Ground) -> None:
    ground.hub.end_sessions(SessionsEnded("u", ("s",), "banned"))
    assert ground.join("u", "s").read()[-1] == {"event": "CLOSE", "code": 4403}
    assert names(ground.join("u", "other").read()) == ["connected", "board"]
    ground.hub.forget_ended(time.monotonic() + 60)
    assert names(ground.join("u", "s").read()) == ["connected", "board"]


def test_who_joins_while_everyone_is_sent_away_goes_too(ground: Ground) -> None:
    ground.hub.drain(shutting_down(1), 1)
    assert ground.join().read()[-1] == {"event": "CLOSE", "code": 1001}


def test_goodbyes_are_paced_but_keep_to_their_time(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(8):
        ground.join()
    monkeypatch.setattr("broadcaster.hub.GOODBYES_A_TURN", 2)
    pauses: list[float] = []
    monkeypatch.setattr("broadcaster.hub.gevent.sleep", pauses.append)
    ground.hub.drain(shutting_down(1), 60)
    assert pauses == [GOODBYE_PAUSE_SECONDS] * 4
    pauses.clear()
    ground.hub.drain(shutting_down(1), 0.02)
    assert sum(pauses) == pytest.approx(0.02)


def test_the_heartbeat_pings_and_drops_the_silent(ground: Ground) -> None:
    peer = ground.join()
    peer.read()
    ground.later(peer, HEARTBEAT_SECONDS * 0.7)
    assert peer.read() == []
    ground.later(peer, HEARTBEAT_SECONDS)
    assert names(peer.read()) == ["PING"]
    ground.later(peer, HEARTBEAT_SECONDS * 1.9)
    assert not peer.viewer.gone
    ground.later(peer, HEARTBEAT_SECONDS * 2)
    assert peer.viewer.gone


def test_viewers_who_came_together_are_not_pinged_together(ground: Ground) -> None:
    peers = [ground.join() for _ in range(30)]
    for peer in peers:
        ground.later(peer, 0)
    due = sorted(peer.viewer.ping_at - peer.viewer.heard_at for peer in peers)
    assert due[-1] <= HEARTBEAT_SECONDS
    assert due[-1] - due[0] > HEARTBEAT_SECONDS / 20
    assert len(set(due)) == len(due)


def test_what_a_slow_viewer_gets_late_counts_as_work_of_the_next_board(ground: Ground) -> None:
    peer = ground.join()
    for version in range(2, 30):
        ground.hub.broadcast(board(version))
    ground.hub.sent_late(3.0)
    assert peer.read()
    assert 3.0 < ground.hub.broadcast(board(30)) < 4.0
    assert ground.hub.broadcast(board(31)) < 1.0


def test_who_says_anything_after_a_ping_stays(ground: Ground) -> None:
    peer = ground.join()
    ground.later(peer, HEARTBEAT_SECONDS)
    peer.sock.send(say({"any": "thing"}))
    gevent.sleep(0.01)
    assert ground.heard == ['{"any": "thing"}']
    ground.later(peer, HEARTBEAT_SECONDS * 2)
    assert not peer.viewer.gone


def test_a_token_that_expires_closes(ground: Ground) -> None:
    peer = ground.join(expires_in=5)
    ground.later(peer, 3)
    assert names(peer.read()) == ["connected", "board"]
    ground.later(peer, 6)
    assert peer.read()[-1] == {"event": "CLOSE", "code": 4401}
