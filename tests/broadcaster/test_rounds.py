"""Rounds of the personal line: what is read, how often, and who is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import gevent
import pytest

from app.contract.standings import OwnStanding, OwnStandings
from broadcaster.personal import PersonalLines
from tests.broadcaster.ground import Ground, Peer


class Readings:
    """A rank index whose answers the test sets; `asked` are the users of each reading."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.score = 1

    def read(self, user_ids: Sequence[str]) -> OwnStandings | None:
        self.asked.append(sorted(user_ids))
        own = tuple(OwnStanding(self.score, 1) for _ in user_ids)
        return OwnStandings(7, own)


class Lines:
    """Personal lines that run, over a ground and readings of the test's own."""

    def __init__(self) -> None:
        self.ground = Ground()
        self.index = Readings()
        self.lines = PersonalLines(self.index.read)
        self.runner = gevent.spawn(self.lines.run)

    def watch(self, *users: str) -> list[Peer]:
        """A viewer of each, who all ask in the same moment."""
        peers = [self.ground.join(user) for user in users]
        for peer in peers:
            self.lines.watch(peer.viewer)
        return peers


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broadcaster.personal.PAUSE_SECONDS", 0.05)
    monkeypatch.setattr("broadcaster.personal.CHECK_SECONDS", 0.6)


@pytest.fixture
def lines() -> Iterator[Lines]:
    made = Lines()
    yield made
    made.runner.kill()
    made.ground.close()


def await_greenlets(condition: Callable[[], object], seconds: float = 3.0) -> None:
    with gevent.Timeout(seconds):
        while not condition():
            gevent.sleep(0.001)


def scores(peer: Peer) -> list[int]:
    return [event["data"]["score"] for event in peer.read() if event["event"] == "rank_update"]


def test_a_user_with_many_viewers_is_read_once_and_many_users_together(lines: Lines) -> None:
    peers = lines.watch("a", "a", "a", "b", "c")
    await_greenlets(lambda: lines.index.asked)
    assert lines.index.asked[0] == ["a", "b", "c"]
    assert [scores(peer) for peer in peers] == [[1]] * 5


def test_nothing_is_read_while_nothing_happens(lines: Lines) -> None:
    lines.watch("a")
    await_greenlets(lambda: len(lines.index.asked) == 1)
    gevent.sleep(0.3)
    assert len(lines.index.asked) == 1
    # But once in CHECK_SECONDS all the same.
    await_greenlets(lambda: len(lines.index.asked) == 2)


def test_a_newcomer_costs_no_reading_of_the_others(lines: Lines) -> None:
    lines.watch("a")
    await_greenlets(lambda: lines.index.asked == [["a"]])
    lines.watch("b")
    await_greenlets(lambda: lines.index.asked == [["a"], ["b"]])


def test_news_is_told_only_to_whom_it_concerns(lines: Lines) -> None:
    (peer,) = lines.watch("a")
    await_greenlets(lambda: len(lines.index.asked) == 1)
    lines.lines.look()
    await_greenlets(lambda: len(lines.index.asked) == 2)
    assert scores(peer) == [1]
    lines.index.score = 2
    lines.lines.look()
    await_greenlets(lambda: len(lines.index.asked) == 3)
    assert scores(peer) == [2]


def test_without_anybody_who_asked_nothing_is_read(lines: Lines) -> None:
    lines.lines.look()
    gevent.sleep(0.1)
    assert lines.index.asked == []


def test_those_who_left_are_forgotten(lines: Lines) -> None:
    leaving, staying = lines.watch("a", "b")
    await_greenlets(lambda: lines.index.asked)
    leaving.viewer.drop()
    lines.lines.look()
    await_greenlets(lambda: len(lines.index.asked) == 2)
    assert lines.index.asked[-1] == ["b"]
    assert scores(staying) == [1]


def test_many_users_are_read_in_portions(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broadcaster.personal.USERS_A_READ", 2)
    peers = lines.watch(*"abcde")
    await_greenlets(lambda: len(lines.index.asked) == 3)
    assert [len(users) for users in lines.index.asked] == [2, 2, 1]
    assert all(scores(peer) == [1] for peer in peers)


@pytest.mark.parametrize("share", ["TELL_SHARE", "READ_SHARE"])
def test_where_a_round_is_much_work_rounds_come_less_often(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, share: str
) -> None:
    monkeypatch.setattr(f"broadcaster.personal.{share}", 1e-9)
    lines.watch("a")
    await_greenlets(lambda: len(lines.index.asked) == 1)
    lines.lines.look()
    gevent.sleep(0.15)
    assert len(lines.index.asked) == 1
