"""Backup under load, and restore beside an empty Redis, with the commands of docs/deploy.md."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests

from app.audit.audited_change import Initiator
from app.contract import keys
from tests.cluster.flow import operate
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.services import services_in
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD
from tests.support.system.scoring_players import ScoringPlayers
from tests.support.system.viewer import ViewerClient
from tests.support.waiting import await_true
from tools.local.embedded import wheel_binaries

pytestmark = pytest.mark.slow
PLAYERS = 4


def run(program: str, *words: str | Path) -> None:
    """Run a program of PostgreSQL; fails the test unless it succeeds without output on stderr."""
    done = subprocess.run(
        [wheel_binaries() / program, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


@contextmanager
def system_on(database_url: str, folder: Path) -> Iterator[SystemHarness]:
    """A system on that database and an empty Redis."""
    # On a busy machine, the restore takes longer than the usual lifetime of the action token that
    # was used before.
    variables = {"ACTION_TOKEN_SECONDS": "600"}
    with (
        TemporaryDirectory(prefix="scoreboard-") as data,
        redis_server(Path(data)) as server,
        SystemHarness(Stores(database_url, server.url), folder, variables=variables) as system,
    ):
        yield system


@pytest.fixture
def played(postgres: DatabaseServer, tmp_path: Path) -> Iterator[SystemHarness]:
    """The system whose database is dumped."""
    with system_on(postgres.create(), tmp_path) as system:
        yield system


def test_a_restored_database_with_an_empty_redis_needs_no_repair(
    played: SystemHarness, postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("restored")
    dump = folder / "scoreboard.dump"
    players = [played.register(f"Player {number}") for number in range(PLAYERS)]
    ended = played.register("Ended")
    ended.score_point()
    banned = played.register("Banned")
    banned.score_point()
    with services_in(played.environment()) as services:
        services.moderation.ban(Initiator("test", "because"), banned.user_id)
    ended.call("POST", "/auth/logout")
    used, unused = players[0].ask_token(), players[0].ask_token()
    first = players[0].spend(used).json()

    with ScoringPlayers(players) as load:
        await_true(lambda: len(load.acknowledged) == PLAYERS, 30)
        before = dict(load.acknowledged)
        run("pg_dump", "--format=custom", "--file", dump, played.stores.database_url)
        during = sum(load.acknowledged.values())
        await_true(lambda: sum(load.acknowledged.values()) > during, 30)
    before[players[0].user_id] += 1
    load.acknowledged[players[0].user_id] += 1

    database_url = postgres.create(migrated=False)
    run("pg_restore", "--no-owner", "--exit-on-error", "--dbname", database_url, dump)
    with system_on(database_url, folder) as restored:
        board = requests.get(f"{restored.url}/api/leaderboard?limit=100", timeout=10).json()
        scores = {row["userId"]: row["score"] for row in board["leaderboard"]}
        # Every point acknowledged before the dump is there, and no unacknowledged point.
        for player in players:
            assert before[player.user_id] <= scores[player.user_id]
            assert scores[player.user_id] <= load.acknowledged[player.user_id]
        assert banned.user_id not in scores
        assert [row["rank"] for row in board["leaderboard"]] == [
            1 + sum(other > row["score"] for other in scores.values())
            for row in board["leaderboard"]
        ]
        # The reconciler builds the index without a request.
        await_true(lambda: index_is_whole(restored), 30)
        assert f"agree for {len(scores)} players" in operate(restored, "ledger", "verify")

        # Sessions continue, ended sessions stay ended, and the ban still holds.
        player, token = players[0], players[0].access_token
        player.url = ended.url = banned.url = restored.url
        with ViewerClient(restored.websocket_url, token) as watcher:
            point = player.score_point()
            assert point["newScore"] == scores[player.user_id] + 1
            watcher.await_board(point["boardVersion"], 10)
        again = player.spend(used).json()
        assert (again["code"], again["details"]["newScore"]) == ("TOKEN_USED", first["newScore"])
        assert player.spend(unused).json()["newScore"] == point["newScore"] + 1
        assert ended.call("GET", "/users/me").json()["code"] == "SESSION_REVOKED"
        login = {"username": banned.username, "password": PASSWORD}
        refused = requests.post(f"{restored.url}/api/auth/login", json=login, timeout=10)
        assert refused.json()["code"] == "USER_BANNED"


def index_is_whole(system: SystemHarness) -> bool:
    """Whether the rank index holds every player."""
    with services_in(system.environment()) as services:
        return services.redis.exists(keys.INDEX_COMPLETE_UNTIL) == 1
