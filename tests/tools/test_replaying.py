"""The parts of a replay that talk to nobody: names, files, comparison, patience, scheduling."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tools.replaying.api import ReplayFailed, Reply
from tools.replaying.comparison import Place, competition_ranks, differences
from tools.replaying.files import Event, UnreadableFile, read_events, read_table
from tools.replaying.patience import LONGEST_WAIT, MOST_FAILURES, Patience, RecentAttempts
from tools.replaying.report import duration
from tools.replaying.scheduler import Scheduler
from tools.replaying.usernames import usernames

ALLOWED = re.compile(r"[A-Za-z0-9_.-]{3,32}\Z")


def test_a_username_is_the_name_in_ascii_and_the_suffix_of_the_run() -> None:
    names = usernames(["Côte d'Ivoire", "São Tomé", "2041202309170040"], "x1y2z")
    assert names == {
        "Côte d'Ivoire": "cote-d-ivoire-x1y2z",
        "São Tomé": "sao-tome-x1y2z",
        "2041202309170040": "2041202309170040-x1y2z",
    }


def test_every_name_gets_a_username_of_its_own_that_the_contract_allows() -> None:
    long = "Democratic People's Republic of Somewhere Else"
    clashing = ["A B", "a-b", "Å B", "a b 2", "中国", "日本", "💥", long, f"{long}!", "x", "-"]
    names = usernames(clashing * 2, "x1y2z")
    assert list(names) == clashing
    assert len(set(names.values())) == len(clashing)
    assert all(ALLOWED.match(username) for username in names.values()), names


def test_events_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    text = '\ufeffat_seconds,player,points\n1.5,"Korea, South",1\n1.500,Curaçao,2\n0,Ann,1\n'
    path.write_text(text, encoding="utf-8")
    events = [Event(1.5, "Korea, South", 1), Event(1.5, "Curaçao", 2), Event(0, "Ann", 1)]
    assert read_events(path) == events
    assert read_events(path, rows=2) == events[:2]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "first line must be at_seconds,player,points"),
        (b"at,who\n1,Ann\n", "first line must be"),
        (b"at_seconds,player,points\n", "no events"),
        (b"at_seconds,player,points\n1,Ann,1\nsoon,Ann,1\n", "line 3: at_seconds is no number"),
        (b"at_seconds,player,points\nnan,Ann,1\n", "line 2: at_seconds is no number"),
        (b"at_seconds,player,points\n1,Ann,0\n", "line 2: points is less than 1"),
        (b"at_seconds,player,points\n1,Ann,1.5\n", "line 2: points is no whole number"),
        (b"at_seconds,player,points\n1, ,1\n", "line 2: player needs 1 to 100 characters"),
        (b"at_seconds,player,points\n1,Ann\n", "line 2: 2 columns, not 3"),
        (b"at_seconds,player,points\n1,\xff,1\n", "can't decode"),
        (b'at_seconds,player,points\n1,"Ann,1\n', "unexpected end"),
    ],
)
def test_an_event_file_that_cannot_be_used_is_refused_with_the_place(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=re.escape(complaint)):
        read_events(path)


def test_a_published_table_names_each_player_once(tmp_path: Path) -> None:
    path = tmp_path / "final.csv"
    path.write_text("rank,player,points\n1,Ann,2\n2,Bob,0\n")
    assert read_table(path) == {"Ann": Place(1, 2), "Bob": Place(2, 0)}
    path.write_text("rank,player,points\n1,Ann,2\n2,Ann,1\n")
    with pytest.raises(UnreadableFile, match="line 3: Ann was there before"):
        read_table(path)


def test_equal_points_share_a_rank_and_the_next_is_skipped() -> None:
    table = competition_ranks({"Cy": 3, "Ann": 9, "Di": 1, "Bob": 3})
    assert {name: place.rank for name, place in table.items()} == {
        "Ann": 1,
        "Bob": 2,
        "Cy": 2,
        "Di": 4,
    }


def test_a_difference_in_rank_alone_is_a_difference() -> None:
    assert differences({"Ann": Place(1, 2)}, {"Ann": Place(1, 2)}) == []
    assert differences({"Ann": Place(1, 2)}, {"Ann": Place(2, 2)}) == [
        "Ann: rank 2 with 2 on the board, expected rank 1 with 2"
    ]


def test_a_player_without_points_is_expected_not_to_be_on_the_board() -> None:
    assert differences({"Ann": Place(1, 0)}, {}) == []
    assert differences({"Ann": Place(1, 0)}, {"Ann": Place(1, 1)}) == [
        "Ann: rank 1 with 1 on the board, not expected there"
    ]


def test_patience_ends_with_failures_but_never_with_a_limit() -> None:
    patience = Patience("Ann")
    limited, failed = Reply(429, retry_after=7), Reply(503, {"code": "REDIS_UNAVAILABLE"})
    waits = [patience.wait_after(failed) for _ in range(MOST_FAILURES)]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT
    assert all(patience.wait_after(limited) == 7 for _ in range(100))
    with pytest.raises(ReplayFailed, match=r"Ann: gave up .* 503 REDIS_UNAVAILABLE"):
        patience.wait_after(failed)


def test_patience_does_not_ask_again_what_was_refused_for_good() -> None:
    refusal = Reply(400, {"code": "VALIDATION_ERROR", "message": "Too short", "requestId": "r1"})
    with pytest.raises(ReplayFailed, match=r"400 VALIDATION_ERROR Too short \(request r1\)"):
        Patience("Ann").wait_after(refusal)


def test_a_server_that_names_a_longer_time_is_given_it() -> None:
    assert Patience("Ann").wait_after(Reply(503, retry_after=9)) == 9


def test_careful_attempts_are_never_more_than_8_in_10_seconds() -> None:
    attempts, now, times = RecentAttempts(), 100.0, []
    for _ in range(100):
        now = max(now + 0.01, attempts.next_careful())
        attempts.add(now)
        times.append(now)
    busiest = max(sum(start <= at < start + 10 for at in times) for start in times)
    assert 0 < busiest <= 8


def test_a_waiting_player_holds_no_thread_and_is_not_asked_meanwhile() -> None:
    steps: list[str] = []
    due: dict[str, float] = {}

    def step(name: str) -> float | None:
        steps.append(name)
        if name != "waits":
            return None
        if name in due:
            assert time.monotonic() >= due[name]
            return None
        due[name] = time.monotonic() + 0.2
        return due[name]

    Scheduler(["waits", "a", "b"], lambda _: 0, step).run(concurrency=1)
    assert steps == ["waits", "a", "b", "waits"]


def test_of_the_players_that_are_due_the_earliest_event_comes_first() -> None:
    left = {"even": [0, 2, 4], "odd": [1, 3, 5]}
    order: list[int] = []

    def step(name: str) -> float | None:
        order.append(left[name].pop(0))
        return 0.0 if left[name] else None

    Scheduler(["odd", "even"], lambda name: left[name][0], step).run(concurrency=1)
    assert order == [0, 1, 2, 3, 4, 5]


def test_no_player_has_two_steps_at_a_time() -> None:
    running: Counter[int] = Counter()
    done: Counter[int] = Counter()
    together: list[int] = []
    first_steps = threading.Barrier(4, timeout=5)

    def step(player: int) -> float | None:
        running[player] += 1
        if done[player] == 0:
            first_steps.wait()
        together.append(running[player])
        done[player] += 1
        running[player] -= 1
        return None if done[player] == 20 else 0.0

    Scheduler(range(4), lambda player: player, step).run(concurrency=8)
    assert set(together) == {1}
    assert done == dict.fromkeys(range(4), 20)


def test_a_step_that_raises_stops_the_others_and_is_raised() -> None:
    def step(player: int) -> float | None:
        if player == 1:
            raise ReplayFailed("no more")
        return time.monotonic() + 3600

    with pytest.raises(ReplayFailed, match="no more"):
        Scheduler(range(3), lambda player: player, step).run(concurrency=3)


def test_a_duration_reads_as_people_say_it() -> None:
    assert [duration(7.31), duration(59.9), duration(192)] == ["7.3 s", "59.9 s", "3 min 12 s"]
