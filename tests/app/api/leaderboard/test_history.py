"""/leaderboard/history: its query and its reply."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.api_requests import Api, refused
from tests.support.system.player import Player
from tests.support.waiting import await_true

PREFIXES = ("", "/api")
MINUTE = timedelta(minutes=1)


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_leaders_scores_start_at_since_and_end_now(
    api: Api, player: Player, prefix: str
) -> None:
    player.score_point()
    requested = datetime.now(UTC) - MINUTE
    reply = api.get(f"{prefix}/leaderboard/history?since={iso(requested)}&limit=10")
    assert reply.status_code == 200
    history = reply.json()
    assert list(history) == ["version", "since", "until", "series"]
    since, until = (datetime.fromisoformat(history[name]) for name in ("since", "until"))
    assert timedelta(0) <= requested - since < timedelta(seconds=2)
    assert abs(datetime.now(UTC) - until) < timedelta(seconds=10)
    # The other worker may have raised the version, which this one hears a moment later.
    await_true(
        lambda: history["version"] <= api.get("/api/leaderboard").json()["version"], seconds=5
    )
    assert 1 <= len(history["series"]) <= 10
    for series in history["series"]:
        assert list(series) == ["rank", "userId", "username", "displayName", "score", "points"]
        first, *_, last = series["points"]
        assert first["at"] == history["since"]
        assert last == {"at": history["until"], "score": series["score"]}
        assert all(set(point) == {"at", "score"} for point in series["points"])


def test_the_series_have_the_players_and_the_order_of_the_board(api: Api, player: Player) -> None:
    player.score_point()

    def agree() -> bool:
        board = api.get("/api/leaderboard?limit=10").json()["leaderboard"]
        series = api.get("/api/leaderboard/history").json()["series"]
        return bool([each.pop("points") and each for each in series] == board)

    await_true(agree, 10)


def test_the_default_since_is_one_hour_ago(api: Api) -> None:
    history = api.get("/api/leaderboard/history").json()
    since, until = (datetime.fromisoformat(history[name]) for name in ("since", "until"))
    # The start is rounded down to 15 seconds, and a reading is cached for a short time.
    assert timedelta(minutes=59) < until - since < timedelta(minutes=61)


def test_a_limit_keeps_the_first_leaders(api: Api, player: Player) -> None:
    player.score_point()

    def series() -> list[object]:
        found: list[object] = api.get("/api/leaderboard/history?limit=1").json()["series"]
        return found

    # A reading of before the point is cached for a second.
    await_true(series, 10)
    assert len(series()) == 1


@pytest.mark.parametrize("written", ["yesterday", "", "2026-13-01", "0001-01-01T00:00:00+23:59"])
def test_a_since_that_is_not_a_time_is_refused(api: Api, written: str) -> None:
    reply = api.get("/api/leaderboard/history", params={"since": written})
    refused(reply, 400, "VALIDATION_ERROR", {"since"})


@pytest.mark.parametrize("ago", [timedelta(days=367), timedelta(hours=-1)])
def test_a_since_too_long_ago_or_in_the_future_is_refused(api: Api, ago: timedelta) -> None:
    params = {"since": iso(datetime.now(UTC) - ago)}
    reply = api.get("/api/leaderboard/history", params=params)
    refused(reply, 400, "VALIDATION_ERROR", {"since"})


@pytest.mark.parametrize("limit", ["0", "11", "-1", "x"])
def test_a_limit_out_of_bounds_is_refused(api: Api, limit: str) -> None:
    reply = api.get(f"/api/leaderboard/history?limit={limit}")
    refused(reply, 400, "VALIDATION_ERROR", {"limit"})


def test_a_time_without_offset_is_utc(api: Api) -> None:
    moment = (datetime.now(UTC) - 30 * MINUTE).replace(microsecond=0)
    written = [moment.replace(tzinfo=None).isoformat(), moment.isoformat().replace("+", "%2B")]
    found = {api.get(f"/api/leaderboard/history?since={w}").json()["since"] for w in written}
    assert len(found) == 1
    assert abs(datetime.fromisoformat(found.pop()) - moment) < MINUTE


def test_a_history_read_counts_as_a_public_read(api: Api) -> None:
    def remaining(path: str) -> int:
        return int(api.get(path).headers["X-RateLimit-Remaining"])

    left = remaining("/api/leaderboard")
    # If a new minute has started, more remain; the second attempt is within one minute.
    if (next_left := remaining("/leaderboard/history")) > left:
        left, next_left = next_left, remaining("/api/leaderboard/history")
    assert next_left < left
