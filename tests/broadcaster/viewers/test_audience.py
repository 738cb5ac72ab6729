"""Audiences: which viewers get which boards."""

from __future__ import annotations

from collections.abc import Iterator

import gevent
import pytest

from app.contract.standings import BoardPeriod
from broadcaster.viewers.audience import Audience
from tests.support.broadcaster.in_process_hub import InProcessHub, board


@pytest.fixture
def harness() -> Iterator[InProcessHub]:
    harness = InProcessHub()
    yield harness
    harness.close()


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
