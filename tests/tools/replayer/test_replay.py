"""A replay against a stub server: a point counts once, whatever requests and replies are lost."""

from __future__ import annotations

import time

import pytest

from clients.python.live_scoreboard_client import Scoreboard
from tests.tools.scoreboard_stub import ErrorReply, Lost, StubScoreboard
from tools.replayer.board import read_rows
from tools.replayer.files import Event
from tools.replayer.player import Player, players_of
from tools.replayer.replay import Replay
from tools.replayer.retry_policy import ReplayFailed

pytestmark = pytest.mark.slow

REGISTER, LOGIN, REFRESH = "/api/auth/register", "/api/auth/login", "/api/auth/refresh"
TOKEN, INCREMENT = "/api/actions/token", "/api/scores/increment"


def events(*names: str) -> list[Event]:
    return [Event(float(row), name, 1) for row, name in enumerate(names)]


def players(played: list[Event]) -> list[Player]:
    return players_of(played, "x1y2z", first_backoff_seconds=0.02)


def run_replay(
    stub: StubScoreboard, played: list[Event], concurrency: int = 4, speed: float = 0.0
) -> Replay:
    with Scoreboard(stub.url) as site:
        replay = Replay(site, players(played), "correct horse", speed)
        replay.register(concurrency)
        replay.play(concurrency)
        return replay


def test_each_point_spends_one_token() -> None:
    with StubScoreboard() as stub:
        run_replay(stub, [Event(0, "Ann", 3), Event(1, "Côte d'Ivoire", 2)])
    assert stub.points() == {"Ann": 3, "Côte d'Ivoire": 2}
    assert stub.count(TOKEN) == stub.count(INCREMENT) == 5


def test_a_player_has_at_most_one_request_in_progress() -> None:
    with StubScoreboard() as stub:
        run_replay(stub, events(*("Ann", "Bob", "Cy") * 10), concurrency=8)
    assert stub.points() == {"Ann": 10, "Bob": 10, "Cy": 10}
    assert stub.most_in_flight == 1


def test_with_concurrency_1_points_are_scored_in_the_order_of_the_file() -> None:
    names = ["Ann", "Bob", "Bob", "Ann", "Cy", "Bob"]
    with StubScoreboard() as stub:
        run_replay(stub, events(*names), concurrency=1)
    assert stub.scored == names


def test_speed_spreads_the_events_over_the_times_of_the_file() -> None:
    with StubScoreboard() as stub:
        started_at = time.monotonic()
        run_replay(stub, [Event(100, "Ann", 1), Event(160, "Bob", 1)], speed=200)
        took = time.monotonic() - started_at
    assert stub.scored == ["Ann", "Bob"]
    assert 0.3 <= took < 20


@pytest.mark.parametrize("where", Lost)
def test_a_lost_increment_is_repeated_with_the_same_token_and_counts_once(where: Lost) -> None:
    with StubScoreboard() as stub:
        stub.faults[INCREMENT].append(where)
        replay = run_replay(stub, events("Ann", "Ann"))
    assert stub.points() == {"Ann": 2}
    assert (stub.count(TOKEN), stub.count(INCREMENT)) == (2, 3)
    assert replay.tally.points == 2


@pytest.mark.parametrize("status", [500, 503])
def test_a_request_is_repeated_after_a_server_error(status: int) -> None:
    with StubScoreboard() as stub:
        for path in (REGISTER, TOKEN, INCREMENT):
            stub.faults[path].append(ErrorReply(status))
        replay = run_replay(stub, events("Ann"))
    assert stub.points() == {"Ann": 1}
    # The client itself repeats the increment.
    assert replay.tally.failures == 2
    assert [stub.count(path) for path in (REGISTER, TOKEN, INCREMENT)] == [2, 2, 2]


def test_a_rate_limit_is_waited_for_without_occupying_a_thread_or_losing_a_token() -> None:
    # Longer than Cy's points take on a busy machine.
    limited = ErrorReply(429, "RATE_LIMITED", retry_after=3)
    with StubScoreboard() as stub:
        stub.faults[TOKEN].append(limited)
        stub.faults[INCREMENT].append(limited)
        started_at = time.monotonic()
        replay = run_replay(stub, events("Ann", "Bob", "Cy", "Cy", "Cy"), concurrency=1)
        took = time.monotonic() - started_at
    assert 3 <= took < 20
    assert stub.scored == ["Cy", "Cy", "Cy", "Ann", "Bob"]
    assert (stub.count(TOKEN), stub.count(INCREMENT)) == (6, 6)
    assert replay.tally.limit_waits == 2


def test_a_limit_on_registrations_delays_all_players() -> None:
    with StubScoreboard() as stub:
        stub.faults[REGISTER].append(ErrorReply(429, "RATE_LIMITED", retry_after=1))
        started_at = time.monotonic()
        run_replay(stub, events("Ann", "Bob", "Cy"), concurrency=1)
        took = time.monotonic() - started_at
    assert 1 <= took < 20
    assert [username for path, username in stub.calls if path == REGISTER] == [
        "ann-x1y2z",
        "ann-x1y2z",
        "bob-x1y2z",
        "cy-x1y2z",
    ]
    assert stub.points() == {"Ann": 1, "Bob": 1, "Cy": 1}


@pytest.mark.parametrize("code", ["TOKEN_EXPIRED", "TOKEN_INVALID"])
def test_a_token_that_was_certainly_not_counted_is_replaced(code: str) -> None:
    with StubScoreboard() as stub:
        stub.faults[INCREMENT].append(ErrorReply(400, code))
        run_replay(stub, events("Ann"))
    assert stub.points() == {"Ann": 1}
    assert stub.count(TOKEN) == 2


def test_an_invalid_token_is_kept_after_a_lost_reply_until_the_result_is_known() -> None:
    with StubScoreboard() as stub:
        stub.faults[INCREMENT].extend([Lost.REPLY, ErrorReply(400, "TOKEN_INVALID")])
        run_replay(stub, events("Ann"))
    assert stub.points() == {"Ann": 1}
    assert (stub.count(TOKEN), stub.count(INCREMENT)) == (1, 3)


@pytest.mark.parametrize("where", Lost)
def test_after_a_lost_registration_there_is_one_user_who_can_play(where: Lost) -> None:
    with StubScoreboard() as stub:
        stub.faults[REGISTER].append(where)
        run_replay(stub, events("Ann"))
    assert len(stub.users) == 1
    assert stub.points() == {"Ann": 1}


def test_an_access_token_is_renewed_before_it_expires() -> None:
    with StubScoreboard(expires_in=0.3) as stub:
        run_replay(stub, [Event(0, "Ann", 1), Event(1, "Ann", 1)], speed=3)
    assert stub.points() == {"Ann": 2}
    # On a busy machine the first point may be late, too.
    assert stub.count(REFRESH) in {1, 2}
    assert stub.count(LOGIN) == 0


def test_a_refused_access_token_is_renewed() -> None:
    with StubScoreboard() as stub:
        stub.faults[TOKEN].append(ErrorReply(401, "AUTH_INVALID"))
        run_replay(stub, events("Ann"))
    assert stub.points() == {"Ann": 1}
    assert (stub.count(REFRESH), stub.count(LOGIN)) == (1, 0)


def test_after_a_renewal_that_can_not_be_repeated_the_player_logs_in_again() -> None:
    with StubScoreboard() as stub:
        stub.faults[TOKEN].append(ErrorReply(401, "AUTH_INVALID"))
        stub.faults[REFRESH].append(Lost.REPLY)
        run_replay(stub, events("Ann"))
    assert stub.points() == {"Ann": 1}
    # The stub, unlike the server, has no grace for the token whose successor was lost.
    assert (stub.count(REFRESH), stub.count(LOGIN)) == (2, 1)


def test_a_ban_ends_the_replay_with_the_players_name() -> None:
    with StubScoreboard() as stub:
        stub.faults[INCREMENT].append(ErrorReply(403, "USER_BANNED"))
        with pytest.raises(ReplayFailed, match=r"Ann: .*USER_BANNED"):
            run_replay(stub, events("Ann", "Bob"), concurrency=1)


def test_after_a_fraud_warning_players_act_at_the_slow_pace() -> None:
    with StubScoreboard(warning=True) as stub, Scoreboard(stub.url) as site:
        (player,) = players([Event(0, "Ann", 9)])
        replay = Replay(site, [player], "correct horse", 0)
        replay.register(1)
        now = time.monotonic()
        while (due := replay.play_step(player)) is not None and due <= time.monotonic():
            pass
    assert stub.points() == {"Ann": 6}
    assert due is not None
    assert due > now + 10


def test_the_whole_board_is_read_page_by_page() -> None:
    with StubScoreboard(page=2) as stub:
        run_replay(stub, events("Ann", "Bob", "Cy", "Di", "Eve", "Eve"), concurrency=1)
        stub.faults["/api/leaderboard"].append(Lost.REPLY)
        with Scoreboard(stub.url) as site:
            rows = read_rows(site, "main", min_version=7)
    assert [row["displayName"] for row in rows] == ["Eve", "Ann", "Bob", "Cy", "Di"]
