"""The rounds of rank updates: which users are read, and how often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import gevent
import pytest

from app.contract.standings import MAIN, BoardPeriod, OwnStanding, OwnStandings
from broadcaster.board.rank_updates import RankUpdates
from broadcaster.viewers.audience import Audience
from tests.support.broadcaster.greenlets import await_greenlets
from tests.support.broadcaster.in_process_hub import InProcessHub, Peer, board

pytestmark = pytest.mark.slow


class StubRankIndex:
    """A rank index whose answers the test sets; `reads` has the users of each read."""

    def __init__(self) -> None:
        self.reads: list[list[str]] = []
        self.score = 1

    def read(self, watched: BoardPeriod, user_ids: Sequence[str]) -> OwnStandings | None:
        self.reads.append(sorted(user_ids))
        own = tuple(OwnStanding(self.score, 1) for _ in user_ids)
        return OwnStandings(7, own)


class RankUpdatesHarness:
    """Running rank updates over an in-process hub and a rank index that the test sets."""

    def __init__(self) -> None:
        self.hub = InProcessHub()
        self.index = StubRankIndex()
        self.rank_updates = RankUpdates(self.index.read)
        self.greenlet = gevent.spawn(self.rank_updates.run, lambda: None)

    def watch(self, *users: str) -> list[Peer]:
        """A viewer of each user; all of them ask at the same time."""
        peers = [self.hub.join(user) for user in users]
        for peer in peers:
            self.rank_updates.watch(peer.viewer)
        return peers


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broadcaster.board.rank_updates.PAUSE_SECONDS", 0.05)
    monkeypatch.setattr("broadcaster.board.rank_updates.CHECK_SECONDS", 0.6)


@pytest.fixture
def harness() -> Iterator[RankUpdatesHarness]:
    harness = RankUpdatesHarness()
    yield harness
    harness.greenlet.kill()
    harness.hub.close()


def scores(peer: Peer) -> list[int]:
    return [event["data"]["score"] for event in peer.read() if event["event"] == "rank_update"]


def test_a_user_with_many_viewers_is_read_once_and_many_users_in_one_read(
    harness: RankUpdatesHarness,
) -> None:
    peers = harness.watch("a", "a", "a", "b", "c")
    await_greenlets(lambda: harness.index.reads)
    assert harness.index.reads[0] == ["a", "b", "c"]
    assert [scores(peer) for peer in peers] == [[1]] * 5


def test_nothing_is_read_while_no_score_changes(harness: RankUpdatesHarness) -> None:
    harness.watch("a")
    await_greenlets(lambda: len(harness.index.reads) == 1)
    gevent.sleep(0.3)
    assert len(harness.index.reads) == 1
    # Except once in CHECK_SECONDS.
    await_greenlets(lambda: len(harness.index.reads) == 2)


def test_users_of_a_quiet_board_are_read_at_times_while_another_board_changes_all_the_time(
    harness: RankUpdatesHarness,
) -> None:
    quiet = Audience(BoardPeriod("quiet", "all"), lambda audience: None)
    quiet.broadcast(board(1))
    harness.watch("busy")
    harness.rank_updates.watch(harness.hub.join("waiting", audience=quiet).viewer)
    await_greenlets(lambda: ["waiting"] in harness.index.reads)

    def keep_changing() -> None:
        while True:
            harness.rank_updates.check(MAIN)
            gevent.sleep(0.01)

    changing = gevent.spawn(keep_changing)
    await_greenlets(lambda: harness.index.reads.count(["waiting"]) == 2)
    changing.kill()


def test_a_viewer_that_asks_causes_no_read_of_the_other_users(harness: RankUpdatesHarness) -> None:
    harness.watch("a")
    await_greenlets(lambda: harness.index.reads == [["a"]])
    harness.watch("b")
    await_greenlets(lambda: harness.index.reads == [["a"], ["b"]])


def test_only_a_user_whose_standing_changed_gets_a_rank_update(harness: RankUpdatesHarness) -> None:
    (peer,) = harness.watch("a")
    await_greenlets(lambda: len(harness.index.reads) == 1)
    harness.rank_updates.check(MAIN)
    await_greenlets(lambda: len(harness.index.reads) == 2)
    assert scores(peer) == [1]
    harness.index.score = 2
    harness.rank_updates.check(MAIN)
    await_greenlets(lambda: len(harness.index.reads) == 3)
    assert scores(peer) == [2]


def test_nothing_is_read_if_no_viewer_has_asked(harness: RankUpdatesHarness) -> None:
    harness.rank_updates.check(MAIN)
    gevent.sleep(0.1)
    assert harness.index.reads == []


def test_a_user_without_viewers_is_no_longer_read(harness: RankUpdatesHarness) -> None:
    leaving, staying = harness.watch("a", "b")
    await_greenlets(lambda: harness.index.reads)
    leaving.viewer.drop()
    harness.rank_updates.check(MAIN)
    await_greenlets(lambda: len(harness.index.reads) == 2)
    assert harness.index.reads[-1] == ["b"]
    assert scores(staying) == [1]


def test_many_users_are_read_in_several_portions(
    harness: RankUpdatesHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broadcaster.board.rank_updates.USERS_PER_READ", 2)
    peers = harness.watch(*"abcde")
    await_greenlets(lambda: len(harness.index.reads) == 3)
    assert [len(users) for users in harness.index.reads] == [2, 2, 1]
    assert all(scores(peer) == [1] for peer in peers)


@pytest.mark.parametrize("share", ["SEND_SHARE", "READ_SHARE"])
def test_rounds_are_rarer_if_a_round_takes_much_time(
    harness: RankUpdatesHarness, monkeypatch: pytest.MonkeyPatch, share: str
) -> None:
    monkeypatch.setattr(f"broadcaster.board.rank_updates.{share}", 1e-9)
    harness.watch("a")
    await_greenlets(lambda: len(harness.index.reads) == 1)
    harness.rank_updates.check(MAIN)
    gevent.sleep(0.15)
    assert len(harness.index.reads) == 1
