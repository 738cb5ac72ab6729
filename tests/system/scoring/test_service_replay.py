"""tools/replay.py --board: recorded events as the scores of a service, on a real system."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.boards.board import Board, BoardSettings
from clients.python.live_scoreboard_client import Scoreboard, Service
from tests.support.servers import ROOT
from tests.support.service_acts import OPERATOR
from tests.support.services import Services, services_in
from tests.support.system.harness import SystemHarness
from tests.support.system.relay import Relay
from tools.replayer.files import Event
from tools.replayer.player import players_of
from tools.replayer.retry_policy import ReplayFailed
from tools.replayer.service_replay import Run, ServiceReplay

pytestmark = pytest.mark.slow

DATA = ROOT.parent / "shared" / "data"
needs_data = pytest.mark.skipif(
    not DATA.exists(), reason=f"the recorded events are not in {DATA.name}/ beside the project"
)
MAX_SECONDS = 60
_boards = itertools.count()

NewBoard = Callable[..., tuple[Board, str]]


@pytest.fixture(scope="module")
def services(running_system: SystemHarness) -> Iterator[Services]:
    """The services of the operators' commands, on the stores of the running system."""
    with services_in(running_system.environment()) as built:
        yield built


@pytest.fixture
def new_board(services: Services) -> NewBoard:
    """Makes a board of its own for the test, and a key of it; settings as of BoardSettings."""

    def make(**settings: Any) -> tuple[Board, str]:
        key = f"replayed-{next(_boards)}"
        board = services.boards.create(OPERATOR, BoardSettings(key, "Replayed", **settings))
        return board, services.service_keys.create(OPERATOR, "judge", [key], None).text

    return make


def replay(system: SystemHarness, board: Board, key: str, *arguments: str | Path) -> str:
    """The output of the tool, which must have found no difference."""
    tool: list[str | Path] = [sys.executable, ROOT / "tools" / "replay.py", "--url", system.url]
    options = ["--board", board.settings.key, "--key", key]
    played = subprocess.run(
        [*tool, *options, *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert played.returncode == 0, played.stdout + played.stderr
    return played.stdout


@needs_data
@pytest.mark.parametrize(
    ("events", "final"),
    [
        ("icpc_online_2023_1.csv", "icpc_online_2023_1.final-recomputed.csv"),
        ("intl_goals.csv", "intl_goals.final.csv"),
    ],
)
def test_a_recorded_stream_ends_with_its_final_table_within_a_minute(
    running_system: SystemHarness, new_board: NewBoard, events: str, final: str
) -> None:
    board, key = new_board()
    started_at = time.monotonic()
    output = replay(running_system, board, key, DATA / events, "--final", str(DATA / final))
    assert f"No difference to {DATA / final}" in output
    assert time.monotonic() - started_at < MAX_SECONDS


def event_file(path: Path, rows: str) -> Path:
    path.write_text(f"at_seconds,player,points\n{rows}", encoding="utf-8")
    return path


def test_a_repeat_of_a_run_counts_nothing_twice(
    running_system: SystemHarness, new_board: NewBoard, tmp_path: Path
) -> None:
    board, key = new_board(max_points=50)
    file = event_file(
        tmp_path / "events.csv", "".join(f"{n},Team {n % 7},{n % 50 + 1}\n" for n in range(1200))
    )
    run = Run.start().text
    replay(running_system, board, key, file, "--rows", "700", "--run", run)
    again = replay(running_system, board, key, file, "--run", run)
    counted_before = sum(n % 50 + 1 for n in range(700))
    assert f"{counted_before} of them counted by an earlier replay" in again
    other = replay(running_system, board, key, file)
    assert "earlier replay" not in other
    assert "Other players on the board, left out of the comparison: 7." in other


@pytest.mark.parametrize(
    "settings",
    [
        {"better": "low", "combine": "best"},
        {"better": "high", "combine": "best"},
        {"better": "low", "combine": "latest"},
    ],
)
def test_the_expected_table_follows_the_rules_of_the_board(
    running_system: SystemHarness, new_board: NewBoard, tmp_path: Path, settings: dict[str, str]
) -> None:
    board, key = new_board(max_points=100, **settings)
    rows = "1,Ann,40\n2,Bob,9\n3,Ann,7\n4,Cy,70\n5,Bob,7\n6,Ann,12\n"
    assert "No difference to what its rows make" in replay(
        running_system, board, key, event_file(tmp_path / "events.csv", rows)
    )


@contextmanager
def service_replay(
    url: str, board: Board, key: str, events: list[Event], speed: float = 0.0
) -> Iterator[ServiceReplay]:
    """A replay whose players are registered."""
    run = Run.start()
    players = players_of(events, run.text, first_backoff_seconds=0.01)
    with Scoreboard(url) as site, Service(url, key) as service:
        played = ServiceReplay(site, service, players, events, board.settings.key, run, speed)
        played.register(4)
        yield played


def test_an_act_whose_reply_was_lost_counts_once(
    running_system: SystemHarness, services: Services, new_board: NewBoard
) -> None:
    board, key = new_board()
    events = [Event(n, f"Team {n % 3}", 1) for n in range(600)]
    with (
        Relay(running_system.ports[0]) as relay,
        service_replay(f"http://127.0.0.1:{relay.port}", board, key, events) as played,
    ):
        relay.replies_to_lose += [b"POST /api/service/scores"] * 2
        played.play()
        assert relay.replies_to_lose == []
    period = services.standings.period(board, None, None)
    assert [row.score for row in services.standings.export(board, period)] == [200, 200, 200]
    assert (played.tally.points, played.tally.repeated) == (600, 500)


def test_speed_spreads_the_events_over_the_times_of_the_file(
    running_system: SystemHarness, new_board: NewBoard
) -> None:
    board, key = new_board()
    events = [Event(0, "Ann", 1), Event(50, "Ann", 1), Event(100, "Bob", 1)]
    started_at = time.monotonic()
    with service_replay(running_system.url, board, key, events, speed=100) as played:
        played.play()
    assert time.monotonic() - started_at >= 0.9
    assert played.tally.points == 3


def test_an_act_that_the_board_refuses_ends_the_replay(
    running_system: SystemHarness, new_board: NewBoard
) -> None:
    board, key = new_board()
    with (
        service_replay(running_system.url, board, key, [Event(0, "Ann", 2)]) as played,
        pytest.raises(ReplayFailed, match="2 points: the server replied out_of_range"),
    ):
        played.play()


def test_ids_of_a_run_are_the_same_each_time_and_in_the_order_of_the_rows() -> None:
    run = Run.start()
    ids = [run.act_id("quiz", row, run.began_at_ms) for row in range(0, 20_000, 7)]
    assert ids == sorted(set(ids))
    assert ids == [
        Run.parse(run.text).act_id("quiz", row, run.began_at_ms) for row in range(0, 20_000, 7)
    ]
    assert run.act_id("other", 0, run.began_at_ms) != ids[0]
