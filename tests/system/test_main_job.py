"""The main job: points scored through the API are shown to every viewer, exactly."""

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

from tests.support.servers import ROOT, DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness
from tests.support.system.viewer import ViewerClient
from tests.support.system.workers import WORKERS

pytestmark = pytest.mark.slow
DATA = ROOT.parent / "shared" / "data"
ABSENT = f"the recorded events are not in {DATA.name}/ beside the project"


@pytest.fixture(params=WORKERS)
def fresh_system(
    postgres: DatabaseServer,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[SystemHarness]:
    """A system with an empty board, under each kind of worker."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        variables = {"WEB_WORKER": request.param, "WEB_WORKERS": "2"}
        with SystemHarness(stores, tmp_path_factory.mktemp("logs"), variables=variables) as running:
            yield running


def test_a_point_is_on_a_viewers_screen_within_a_second(running_system: SystemHarness) -> None:
    player = running_system.register("Ada")
    with ViewerClient(running_system.websocket_url, player.access_token) as watcher:
        player.take_the_lead()
        for _ in range(5):
            version = player.score_point()["boardVersion"]
            board = watcher.await_board(version, seconds=1)
            assert any(row["userId"] == player.user_id for row in board["leaderboard"])


def test_a_replay_of_the_world_cup_ends_with_its_published_table(
    fresh_system: SystemHarness,
) -> None:
    if not DATA.exists():
        pytest.skip(ABSENT)
    final = DATA / "wc2022_goals.final.csv"
    play_watched(fresh_system, DATA / "wc2022_goals.csv", "--final", str(final))


def test_a_replay_of_2000_goals_ends_with_the_sums_of_its_rows(
    fresh_system: SystemHarness, tmp_path: Path
) -> None:
    if not DATA.exists():
        pytest.skip(ABSENT)
    with (DATA / "intl_goals.csv").open(encoding="utf-8") as file:
        players = [row["player"] for row in csv.DictReader(file)][:2000]
    final = write_final(tmp_path / "final.csv", players)
    play_watched(fresh_system, DATA / "intl_goals.csv", "--rows", "2000", "--final", str(final))


def test_a_replay_of_a_small_stream_ends_with_the_sums_of_its_rows(
    fresh_system: SystemHarness, tmp_path: Path
) -> None:
    generator = random.Random(2022)
    names = ["Côte d'Ivoire", "日本", "Åland", "<b>Bold</b>", *(f"Team {n}" for n in range(12))]
    players = [generator.choice(names) for _ in range(150)]
    events = tmp_path / "events.csv"
    with events.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["at_seconds", "player", "points"])
        writer.writerows([second, player, 1] for second, player in enumerate(players))
    play_watched(fresh_system, events, "--final", str(write_final(tmp_path / "f.csv", players)))


def play_watched(system: SystemHarness, *arguments: str | Path) -> None:
    """Replay beside a viewer; its last board must equal the API's, and versions must grow."""
    spectator = system.register("Spectator")
    with ViewerClient(system.websocket_url, spectator.access_token) as watcher:
        command = [sys.executable, ROOT / "tools" / "replay.py", "--url", system.url, *arguments]
        played = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        assert played.returncode == 0, played.stdout + played.stderr
        board = requests.get(f"{system.url}/api/leaderboard", timeout=5).json()
        watcher.await_board(board["version"], seconds=1)
    assert watcher.boards[-1]["leaderboard"] == board["leaderboard"]
    assert all(old["version"] < new["version"] for old, new in pairwise(watcher.boards))


def write_final(path: Path, players: list[str]) -> Path:
    """Write the sums of these events as a table with competition ranks."""
    sums = Counter(players)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["rank", "player", "points"])
        for player, points in sums.most_common():
            rank = 1 + sum(other > points for other in sums.values())
            writer.writerow([rank, player, points])
    return path
