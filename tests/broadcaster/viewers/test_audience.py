"""Audiences: which viewers get which boards."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Iterator
from types import SimpleNamespace

import gevent
import pytest

from app.contract.events import LeaderboardUpdate
from app.contract.standings import BoardPeriod
from broadcaster.viewers.audience import Audience
from broadcaster.viewers.viewer import Viewer
from broadcaster.viewers.websocket import frames
from tests.support.broadcaster.in_process_hub import InProcessHub, Peer, board

BOARD = LeaderboardUpdate.name


@pytest.fixture
def harness() -> Iterator[InProcessHub]:
    harness = InProcessHub()
    yield harness
    harness.close()


def versions(peer: Peer) -> list[int]:
    """The versions of the boards that arrive at the peer until nothing more arrives."""
    return [event["data"]["version"] for event in peer.read() if event["event"] == BOARD]


def fill(viewer: Viewer) -> None:
    """Send the viewer personal frames until its socket is full."""
    while viewer.ready:
        viewer.send(frames.text(json.dumps({"event": "personal", "text": "x" * 5_000})))


def test_a_viewer_that_moves_during_a_broadcast_gets_no_further_board_of_the_audience_it_left(
    harness: InProcessHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broadcaster.viewers.audience.VIEWERS_PER_TURN", 1)
    left: list[Audience] = []
    other = Audience(BoardPeriod("quiz", "all"), left.append)
    other.broadcast(board(7))
    peers = [harness.join() for _ in range(3)]
    for peer in peers:
        peer.read()
    gevent.spawn(other.move_here, peers[2].viewer)
    harness.audience.broadcast(board(2))
    assert [event["data"]["version"] for event in peers[2].read()] == [7]
    harness.audience.broadcast(board(3))
    other.broadcast(board(8))
    assert [event["data"]["version"] for event in peers[0].read()] == [2, 3]
    assert [event["data"]["version"] for event in peers[2].read()] == [8]
    peers[2].viewer.drop()
    assert (len(other), left) == (0, [other])
    other.move_here(peers[2].viewer)
    assert len(other) == 0


def test_a_viewer_that_names_the_board_it_watches_gets_it_again_and_stays(
    harness: InProcessHub,
) -> None:
    peer = harness.join()
    peer.read()
    harness.audience.move_here(peer.viewer)
    harness.audience.broadcast(board(2))
    assert [event["data"]["version"] for event in peer.read()] == [1, 2]


def test_a_descriptor_that_is_closed_during_a_broadcast_is_not_written_to_by_its_next_user(
    harness: InProcessHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broadcaster.viewers.audience.VIEWERS_PER_TURN", 1)
    peers = [harness.join() for _ in range(3)]
    descriptor = peers[2].viewer.descriptor
    opened: list[socket.socket] = []

    def replace() -> None:
        peers[2].viewer.drop()
        opened.extend(socket.socketpair())
        assert descriptor in {each.fileno() for each in opened}

    gevent.spawn(replace)
    harness.audience.broadcast(board(2))
    readable, _, _ = select.select(opened, [], [], 0)
    for each in opened:
        each.close()
    assert readable == []
    assert versions(peers[1]) == [1, 2]


@pytest.mark.parametrize("is_full", [False, True], ids=["ready", "full"])
def test_a_viewer_with_the_descriptor_of_one_that_left_during_a_broadcast_gets_the_board_once(
    harness: InProcessHub, monkeypatch: pytest.MonkeyPatch, is_full: bool
) -> None:
    monkeypatch.setattr("broadcaster.viewers.audience.VIEWERS_PER_TURN", 1)
    peers = [harness.join() for _ in range(3)]
    joined: list[Peer] = []

    def replace() -> None:
        peers[2].viewer.drop()
        joined.append(harness.join())
        if is_full:
            fill(joined[0].viewer)

    gevent.spawn(replace)
    harness.audience.broadcast(board(2))
    assert joined[0].viewer.descriptor == peers[2].viewer.descriptor
    assert versions(joined[0]) == [2]
    harness.audience.broadcast(board(3))
    assert versions(joined[0]) == [3]


@pytest.mark.parametrize("is_read", [True, False], ids=["read_in_time", "unread"])
def test_a_viewer_whose_socket_is_full_for_a_part_of_a_broadcast_gets_the_board_once(
    harness: InProcessHub, monkeypatch: pytest.MonkeyPatch, is_read: bool
) -> None:
    monkeypatch.setattr("broadcaster.viewers.audience.VIEWERS_PER_TURN", 1)
    # Long enough for the event loop to find that the socket is writable again.
    pauses = SimpleNamespace(sleep=lambda _: gevent.sleep(0.002))
    monkeypatch.setattr("broadcaster.viewers.audience.gevent", pauses)
    peers = [harness.join() for _ in range(40)]
    last = peers[-1]
    for peer in peers:
        peer.read()
    was_ready: list[bool] = []

    def fill_and_read() -> None:
        fill(last.viewer)
        was_ready.append(last.viewer.ready)
        while is_read and not last.viewer.ready:
            last.discard_received()
            gevent.sleep(0)
        if is_read:
            last.discard_received()
        was_ready.append(last.viewer.ready)

    gevent.spawn(fill_and_read)
    harness.audience.broadcast(board(2))
    assert was_ready == [False, is_read]
    assert versions(last) == [2]
    harness.audience.broadcast(board(3))
    assert versions(last) == [3]
