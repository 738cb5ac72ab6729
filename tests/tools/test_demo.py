"""`make demo`: an event on a system of its own, and nothing is left of it."""

from __future__ import annotations

import re
import signal
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.tools.local.local_run import LocalRun, eventually
from tools.demo.event import EVENT_SECONDS, LEAD_SECONDS, PLAYERS, event_rows, write_event
from tools.demo.run import FINISHED
from tools.replayer.files import read_events

OTHER_SYSTEM = {"DATABASE_URL": "postgresql://u@192.0.2.1/d", "TOKEN_LIMIT": "1 per day"}


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not tmp_path: its parent is closed to the unprivileged user that runs PostgreSQL for root.
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


@pytest.fixture
def demo(folder: Path) -> Iterator[LocalRun]:
    """A demo that makes its folder in `folder`, beside the settings of another system."""
    temporary = folder / "temporary"
    temporary.mkdir()
    environment = {"TMPDIR": str(temporary), **OTHER_SYSTEM}
    run = LocalRun(folder / "local", [sys.executable, "-m", "tools.demo"], environment)
    yield run
    run.clean_up()


@pytest.mark.slow
def test_the_demo_plays_its_event_and_leaves_nothing_behind(demo: LocalRun, folder: Path) -> None:
    demo.await_running()
    eventually(lambda: FINISHED in demo.output or demo.process.poll() is not None, 120)
    assert demo.process.poll() is None, demo.output
    link = re.search(r"open (\S+) now", demo.output)
    assert link is not None
    assert requests.get(link[1], timeout=10).status_code == 200
    board = requests.get(f"{link[1]}api/leaderboard?limit=100", timeout=10).json()["leaderboard"]
    sums = Counter(player for _, player, _ in event_rows())
    assert {row["displayName"]: row["score"] for row in board} == dict(sums)
    assert demo.end(signal.SIGINT) == 0
    demo.assert_no_process_left()
    assert list((folder / "temporary").iterdir()) == []
    assert not (folder / "local").exists()


@pytest.mark.slow
def test_ctrl_c_during_the_event_is_as_clean(demo: LocalRun, folder: Path) -> None:
    demo.await_running()
    eventually(lambda: " now: an event" in demo.output)
    assert demo.end(signal.SIGINT) == 0
    assert "Traceback" not in demo.output
    demo.assert_no_process_left()
    assert list((folder / "temporary").iterdir()) == []


def test_the_event_takes_half_a_minute_and_its_names_are_accepted(tmp_path: Path) -> None:
    write_event(tmp_path / "event.csv")
    events = read_events(tmp_path / "event.csv", None)
    assert {event.player for event in events} == set(PLAYERS)
    assert events[-1].at == LEAD_SECONDS + EVENT_SECONDS
    scripts = {unicodedata.name(name[0]).split()[0] for name in PLAYERS}
    assert {"LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "HANGUL"} <= scripts


def test_the_lead_changes_during_the_event() -> None:
    sums: Counter[str] = Counter()
    leaders = set()
    for _, player, points in event_rows():
        sums[player] += points
        leaders.add(sums.most_common(1)[0][0])
    assert len(leaders) >= 3
