"""Real processes that read boards from a replica, which is then frozen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import create_engine, make_url, text

from app.storage import wal
from app.storage.database import connect_unpooled
from config.parsers import postgres_url
from tests.cluster.flow import shown
from tests.support.replica import CAUGHT_UP_SECONDS, Pair, replicated
from tests.support.servers import Stores, redis_server, store_folder
from tests.support.system.harness import SystemHarness
from tests.support.system.viewer import ViewerClient
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow
PROMISED_SECONDS = 1.0


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with store_folder() as folder, replicated(folder) as made:
        yield made


@pytest.fixture
def system(pair: Pair, tmp_path: Path) -> Iterator[SystemHarness]:
    settings = pair.create()
    variables = {"WEB_WORKERS": "2", "DATABASE_READ_URL": settings["DATABASE_READ_URL"]}
    with (
        redis_server(tmp_path / "redis") as server,
        SystemHarness(
            Stores(settings["DATABASE_URL"], server.url), tmp_path, variables=variables
        ) as made,
    ):
        yield made


def test_an_ordinary_role_can_read_both_positions(pair: Pair) -> None:
    urls = {name: make_url(postgres_url(url)) for name, url in pair.create().items()}
    with create_engine(urls["DATABASE_URL"]).begin() as connection:
        connection.execute(text("CREATE ROLE ordinary LOGIN PASSWORD 'ordinary'"))
    known = "SELECT count(*) FROM pg_roles WHERE rolname = 'ordinary'"
    await_true(lambda: pair.replica.ask(known) == 1, CAUGHT_UP_SECONDS)

    primary, replica = (
        connect_unpooled(
            url.set(username="ordinary", password="ordinary").render_as_string(False), 10
        )
        for url in urls.values()
    )
    with replica.reading() as connection:
        replayed = wal.replayed_position(connection)
    assert replayed is not None
    assert replayed.same_history(wal.current_position(primary))
    with primary.reading() as connection:
        assert wal.replayed_position(connection) is None


def boards_by_replica(system: SystemHarness) -> float:
    """The number of boards that the broadcaster has read from the replica."""
    metrics = requests.get(f"http://127.0.0.1:{system.broadcaster_port}/metrics", timeout=5).text
    name = 'scoreboard_replica_reads_total{outcome="replica"} '
    return sum(float(line.removeprefix(name)) for line in metrics.split("\n") if name in line)


def test_viewers_see_points_in_time_with_the_replica_and_without_it(
    system: SystemHarness, pair: Pair
) -> None:
    player = system.register("Ada")
    with ViewerClient(system.websocket_url, player.access_token) as watcher:

        def board_by_replica() -> bool:
            before = boards_by_replica(system)
            watcher.await_board(player.score_point()["boardVersion"], PROMISED_SECONDS)
            return boards_by_replica(system) > before

        await_true(board_by_replica, CAUGHT_UP_SECONDS)
        pair.replica.pause()
        for _ in range(3):
            outcome = player.score_point()
            watcher.await_board(outcome["boardVersion"], PROMISED_SECONDS)
            assert (player.user_id, outcome["newScore"]) in shown(watcher)
            around = player.call("GET", "/leaderboard/around-me").json()["leaderboard"]
            assert outcome["newScore"] in [row["score"] for row in around]
        health = player.call("GET", "/health")
        assert (health.status_code, health.json()["replica"]) == (200, "timeout")

        def broadcaster_lost_it() -> bool:
            # It computes most boards from messages, and reads one every 2 s.
            watcher.await_board(player.score_point()["boardVersion"], PROMISED_SECONDS)
            return "replica_lost" in system.log("broadcaster")

        await_true(broadcaster_lost_it, CAUGHT_UP_SECONDS)
        pair.replica.resume()
        await_true(board_by_replica, CAUGHT_UP_SECONDS)
    assert "replica_back" in system.log("broadcaster")
