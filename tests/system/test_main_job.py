"""The main job: events played through the API are on every viewer's screen, exactly."""

from __future__ import annotations

import csv
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import requests

from tests.servers import ROOT, DatabaseServer, Stores, redis_server
from tests.system.running import RunningSystem
from tests.system.watching import Watcher

pytestmark = pytest.mark.slow
DATA = ROOT.parent / "shared" / "data"
ABSENT = f"the real event streams are not at {DATA.name}/ beside the project"


@pytest.fixture
def fresh_system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSystem]:
    """A system whose board is empty."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        with RunningSystem(stores, tmp_path_factory.mktemp("logs")) as running:
            yield running


def test_a_point_is_on_a_viewers_screen_within_a_second(running_system: RunningSystem) -> None:
    player = running_system.register("Ada")
    with Watcher(running_system.websocket_url, player.access_token) as watcher:
        for _ in range(5):
            # Enough points to be among the first ten of a system that others use too.
            version = [player.score_point() for _ in range(20)][-1]["boardVersion"]
            board = watcher.await_board(version, seconds=1)
            assert any(row["userId"] == player.user_id for row in board["leaderboard"])


def test_a_replay_of_the_world_cup_ends_with_its_published_table(
    fresh_system: RunningSystem,
) -> None:
    if not DATA.exists():
        pytest.skip(ABSENT)
    final = DATA / "wc2022_goals.final.csv"
    play_watched(fresh_system, DATA / "wc2022_goals.csv", "--final", str(final))


def test_a_replay_of_2000_goals_ends_with_the_sums_of_its_rows(
    fresh_system: RunningSystem, tmp_path: Path
) -> None:
    if not DATA.exists():
        pytest.skip(ABSENT)
    with (DATA / "intl_goals.csv").open(encoding="utf-8") as file:
        players = [row["player"] for row in csv.DictReader(file)][:2000]
    final = write_final(tmp_path / "final.csv", players)
    play_watched(fresh_system, DATA / "intl_goals.csv", "--rows", "2000", "--final", str(final))


def test_a_replay_of_a_small_stream_ends_with_the_sums_of_its_rows(
    fresh_system: RunningSystem, tmp_path: Path
) -> None:
    chance = random.Random(2022)
    names = ["Côte d'Ivoire", "日本", "Åland", "<b>Bold</b>", *(f"Team {n}" for n in range(12))]
    players = [chance.choice(names) for _ in range(150)]
    events = tmp_path / "events.csv"
    with events.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["at_seconds", "player", "points"])
        writer.writerows([second, player, 1] for second, player in enumerate(players))
    play_watched(fresh_system, events, "--final", str(write_final(tmp_path / "f.csv", players)))


def play_watched(system: RunningSystem, *arguments: str | Path) -> None:
    """Replay while somebody watches; their last board must be the API's, and none go back."""
    spectator = system.register("Spectator")
    with Watcher(system.websocket_url, spectator.access_token) as watcher:
        command = [sys.executable, ROOT / "tools" / "replay.py", "--url", system.url, *arguments]
        played = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert played.returncode == 0, played.stdout + played.stderr
        board = requests.get(f"{system.url}/api/leaderboard", timeout=5).json()
        watcher.await_board(board["version"], seconds=1)
    assert watcher.boards[-1]["leaderboard"] == board["leaderboard"]
    assert all(old["version"] < new["version"] for old, new in pairwise(watcher.boards))


def write_final(path: Path, players: list[str]) -> Path:
    """The table that these events add up to, by competition rank."""
    sums = Counter(players)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["rank", "player", "points"])
        for player, points in sums.most_common():
            rank = 1 + sum(other > points for other in sums.values())
            writer.writerow([rank, player, points])
    return path
