"""tools/replay.py against a scripted server: whatever the network does, a point is one point."""

from __future__ import annotations

import time

import pytest

from tests.tools.scoreboard_stub import Answer, Lost, StubScoreboard
from tools.replaying import patience
from tools.replaying.api import Api, ReplayFailed
from tools.replaying.board import read_board
from tools.replaying.files import Event
from tools.replaying.player import players_of
from tools.replaying.replay import Replay

pytestmark = pytest.mark.slow

REGISTER, LOGIN, REFRESH = "/api/auth/register", "/api/auth/login", "/api/auth/refresh"
TOKEN, INCREMENT = "/api/actions/token", "/api/scores/increment"


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_WAIT", 0.02)


def events(*names: str) -> list[Event]:
    return [Event(float(row), name, 1) for row, name in enumerate(names)]


def replay_onto(
    stub: StubScoreboard, played: list[Event], concurrency: int = 4, speed: float = 0.0
) -> Replay:
    replay = Replay(Api(stub.url), players_of(played, "x1y2z"), "correct horse", speed)
    replay.register(concurrency)
    replay.play(concurrency)
    return replay


def test_each_point_of_an_event_is_one_token_spent() -> None:
    with StubScoreboard() as stub:
        replay_onto(stub, [Event(0, "Ann", 3), Event(1, "Côte d'Ivoire", 2)])
    assert stub.points() == {"Ann": 3, "Côte d'Ivoire": 2}
    assert stub.count(TOKEN) == stub.count(INCREMENT) == 5


def test_one_player_has_one_request_in_flight_and_others_go_on_beside_it() -> None:
    with StubScoreboard() as stub:
        replay_onto(stub, events(*("Ann", "Bob", "Cy") * 10), concurrency=8)
    assert stub.points() == {"Ann": 10, "Bob": 10, "Cy": 10}
    assert stub.most_in_flight == 1


def test_with_one_request_at_a_time_the_points_come_in_the_order_of_the_file() -> None:
    names = ["Ann", "Bob", "Bob", "Ann", "Cy", "Bob"]
    with StubScoreboard() as stub:
        replay_onto(stub, events(*names), concurrency=1)
    assert stub.scored == names


def test_speed_spreads_the_events_over_the_files_own_time() -> None:
    with StubScoreboard() as stub:
        begun = time.monotonic()
        replay_onto(stub, [Event(100, "Ann", 1), Event(160, "Bob", 1)], speed=200)
        took = time.monotonic() - begun
    assert stub.scored == ["Ann", "Bob"]
    assert 0.3 <= took < 10


@pytest.mark.parametrize("where", Lost)
def test_a_lost_increment_is_asked_for_with_the_same_token_and_counts_once(where: Lost) -> None:
    with StubScoreboard() as stub:
        stub.faults[INCREMENT].append(where)
        replay = replay_onto(stub, events("Ann", "Ann"))
    assert stub.points() == {"Ann": 2}
    assert (stub.count(TOKEN), stub.count(INCREMENT)) == (2, 3)
    assert (replay.tally.points, replay.tally.failures) == (2, 1)


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_is_asked_again(status: int) -> None:
    with StubScoreboard() as stub:
        for path in (REGISTER, TOKEN, INCREMENT):
            stub.faults[path].append(Answer(status))
        replay_onto(stub, events("Ann"))
    assert stub.points() == {"Ann": 1}
    assert [stub.count(path) for path in (REGISTER, TOKEN, INCREMENT)] == [2, 2, 2]


def test_a_limit_is_waited_for_as_long_as_it_says_without_a_thread_or_a_token_lost() -> None:
    limited = Answer(429, "RATE_LIMITED", retry_after=1)
    with StubScoreboard() as stub:
        stub.faults[TOKEN].append(limited)
        stub.faults[INCREMENT].append(limited)
        begun = time.monotonic()
        replay = replay_onto(stub, events("Ann", "Bob", "Cy", "Cy", "Cy"), concurrency=1)
        took = time.monotonic() - begun
    assert 1 <= took < 10
    assert stub.scored == ["Cy", "Cy", "Cy", "Ann", "Bob"]
    assert (stub.count(TOKEN), stub.count(INCREMENT)) == (6, 6)
    assert replay.tally.limit_waits == 2


def test_the_limit_on_registering_holds_for_all_players_at_once() -> None:
    with StubScoreboard() as stub:
        stub.faults[REGISTER].append(Answer(429, "RATE_LIMITED", retry_after=1))
        begun = time.monotonic()
        replay_onto(stub, events("Ann", "Bob", "Cy"), concurrency=1)
        took = time.monotonic() - begun
    assert 1 <= took < 10
    assert [who for path, who in stub.calls if path == REGISTER] == [
        "ann-x1y2z",
        "ann-x1y2z",
        "bob-x1y2z",
        "cy-x1y2z",
    ]
    assert stub.points() == {"Ann": 1, "Bob": 1, "Cy": 1}


def test_a_token_that_would_expire_before_the_limit_ends_is_not_kept() -> None:
    with StubScoreboard() as stub:
        stub.faults[INCREMENT].append(Answer(429, "RATE_LIMITED", retry_after=57))
        replay = Replay(Api(stub.url), players_of(events("Ann"), "x1y2z"), "correct horse", 0)
        replay.register(1)
        (player,) = replay._players
        replay._play(player)
        due = replay._play(player)
    assert player.action_token is None
    assert due is not None
    assert due > time.monotonic() + 55


@pytest.mark.parametrize("code", ["TOKEN_EXPIRED", "TOKEN_INVALID"])
def test_a_token_that_was_never_counted_is_replaced(code: str) -> None:
    with StubScoreboard() as stub:
        stub.faults[INCREMENT].append(Answer(400, code))
        replay_onto(stub, events("Ann"))
    assert stub.points() == {"Ann": 1}
    assert stub.count(TOKEN) == 2


def test_a_token_unknown_after_a_lost_answer_is_asked_for_until_it_is_settled() -> None:
    with StubScoreboard() as stub:
        stub.faults[INCREMENT].extend([Lost.ANSWER, Answer(400, "TOKEN_INVALID")])
        replay_onto(stub, events("Ann"))
    assert stub.points() == {"Ann": 1}
    assert (stub.count(TOKEN), stub.count(INCREMENT)) == (1, 3)


@pytest.mark.parametrize("where", Lost)
def test_a_lost_registration_leaves_one_user_that_can_play(where: Lost) -> None:
    with StubScoreboard() as stub:
        stub.faults[REGISTER].append(where)
        replay_onto(stub, events("Ann"))
    assert len(stub.users) == 1
    assert stub.points() == {"Ann": 1}


def test_an_access_token_at_its_end_is_refreshed() -> None:
    with StubScoreboard(expires_in=0.3) as stub:
        replay_onto(stub, [Event(0, "Ann", 1), Event(1, "Ann", 1)], speed=3)
    assert stub.points() == {"Ann": 2}
    assert stub.count(REFRESH) == 1
    assert stub.count(LOGIN) == 0


def test_a_refused_access_token_is_refreshed() -> None:
    with StubScoreboard() as stub:
        stub.faults[TOKEN].append(Answer(401, "AUTH_INVALID"))
        replay_onto(stub, events("Ann"))
    assert stub.points() == {"Ann": 1}
    assert (stub.count(REFRESH), stub.count(LOGIN)) == (1, 0)


def test_a_refresh_token_is_never_used_twice() -> None:
    with StubScoreboard() as stub:
        stub.faults[TOKEN].append(Answer(401, "AUTH_INVALID"))
        stub.faults[REFRESH].append(Lost.ANSWER)
        replay_onto(stub, events("Ann"))
    assert stub.points() == {"Ann": 1}
    assert (stub.count(REFRESH), stub.count(LOGIN)) == (1, 1)


def test_a_ban_ends_the_replay_at_once_and_says_who() -> None:
    with StubScoreboard() as stub:
        stub.faults[INCREMENT].append(Answer(403, "USER_BANNED"))
        with pytest.raises(ReplayFailed, match=r"Ann: .*USER_BANNED"):
            replay_onto(stub, events("Ann", "Bob"), concurrency=1)


def test_after_a_warning_every_player_spreads_its_attempts_out() -> None:
    with StubScoreboard(warning=True) as stub:
        replay = Replay(Api(stub.url), players_of([Event(0, "Ann", 9)], "xyz"), "correct horse", 0)
        replay.register(1)
        (player,) = replay._players
        now = time.monotonic()
        while (due := replay._play(player)) is not None and due <= time.monotonic():
            pass
    assert stub.points() == {"Ann": 6}
    assert due is not None
    assert due > now + 10


def test_the_whole_board_is_read_page_by_page() -> None:
    with StubScoreboard(page=2) as stub:
        replay_onto(stub, events("Ann", "Bob", "Cy", "Di", "Eve", "Eve"), concurrency=1)
        stub.faults["/api/leaderboard"].append(Lost.ANSWER)
        rows = read_board(Api(stub.url), min_version=7)
    assert [row.display_name for row in rows] == ["Eve", "Ann", "Bob", "Cy", "Di"]
