"""/leaderboard/history: what may be asked for, and what is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.app.http.asking import Api, refused
from tests.awaiting import await_true
from tests.system.player import Player

PREFIXES = ("", "/api")
MINUTE = timedelta(minutes=1)


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_leaders_scores_begin_at_since_and_end_now(
    api: Api, player: Player, prefix: str
) -> None:
    player.score_point()
    asked = datetime.now(UTC) - MINUTE
    reply = api.get(f"{prefix}/leaderboard/history?since={iso(asked)}&limit=10")
    assert reply.status_code == 200
    history = reply.json()
    assert list(history) == ["version", "since", "until", "series"]
    since, until = (datetime.fromisoformat(history[name]) for name in ("since", "until"))
    assert timedelta(0) <= asked - since < timedelta(seconds=2)
    assert abs(datetime.now(UTC) - until) < timedelta(seconds=10)
    board = api.get("/api/leaderboard").json()
    assert history["version"] <= board["version"]
    assert 1 <= len(history["series"]) <= 10
    for series in history["series"]:
        assert list(series) == ["rank", "userId", "username", "displayName", "score", "points"]
        first, *_, last = series["points"]
        assert first["at"] == history["since"]
        assert last == {"at": history["until"], "score": series["score"]}
        assert all(set(point) == {"at", "score"} for point in series["points"])


def test_the_series_are_in_the_boards_order_and_of_its_players(api: Api, player: Player) -> None:
    player.score_point()

    def agree() -> bool:
        board = api.get("/api/leaderboard?limit=10").json()["leaderboard"]
        series = api.get("/api/leaderboard/history").json()["series"]
        return bool([each.pop("points") and each for each in series] == board)

    await_true(agree, 3)


def test_without_since_it_is_the_last_hour(api: Api) -> None:
    history = api.get("/api/leaderboard/history").json()
    begin, end = (datetime.fromisoformat(history[name]) for name in ("since", "until"))
    # A beginning is moved back to a whole quarter of a minute, and a reading is shared a while.
    assert timedelta(minutes=59) < end - begin < timedelta(minutes=61)


def test_fewer_leaders_are_the_first_ones(api: Api, player: Player) -> None:
    player.score_point()
    assert len(api.get("/api/leaderboard/history?limit=1").json()["series"]) == 1


@pytest.mark.parametrize("written", ["yesterday", "", "2026-13-01", "0001-01-01T00:00:00+23:59"])
def test_a_since_that_is_no_time_is_refused(api: Api, written: str) -> None:
    reply = api.get("/api/leaderboard/history", params={"since": written})
    refused(reply, 400, "VALIDATION_ERROR", {"since"})


@pytest.mark.parametrize("ago", [timedelta(days=367), timedelta(hours=-1)])
def test_a_since_too_long_ago_or_to_come_is_refused(api: Api, ago: timedelta) -> None:
    params = {"since": iso(datetime.now(UTC) - ago)}
    reply = api.get("/api/leaderboard/history", params=params)
    refused(reply, 400, "VALIDATION_ERROR", {"since"})


@pytest.mark.parametrize("limit", ["0", "11", "-1", "x"])
def test_a_limit_out_of_bounds_is_refused(api: Api, limit: str) -> None:
    reply = api.get(f"/api/leaderboard/history?limit={limit}")
    refused(reply, 400, "VALIDATION_ERROR", {"limit"})


def test_a_time_is_utc_unless_it_says_otherwise(api: Api) -> None:
    moment = (datetime.now(UTC) - 30 * MINUTE).replace(microsecond=0)
    written = [moment.replace(tzinfo=None).isoformat(), moment.isoformat().replace("+", "%2B")]
    found = {api.get(f"/api/leaderboard/history?since={w}").json()["since"] for w in written}
    assert len(found) == 1
    assert abs(datetime.fromisoformat(found.pop()) - moment) < MINUTE


def test_it_is_counted_as_a_public_read(api: Api) -> None:
    def remaining(path: str) -> int:
        return int(api.get(path).headers["X-RateLimit-Remaining"])

    left = remaining("/api/leaderboard")
    # Of another minute it would be more; a second try is then within one.
    if (next_left := remaining("/leaderboard/history")) > left:
        left, next_left = next_left, remaining("/api/leaderboard/history")
    assert next_left < left
