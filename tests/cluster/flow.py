"""Tests of a whole system that must pass with every kind of Redis."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import text

from app.audit.audited_change import Initiator
from app.contract import keys
from app.contract.standings import TOP
from app.leaderboard import board_rows
from tests.cluster.groups import Group
from tests.support.servers import ROOT
from tests.support.services import Services, services_in
from tests.support.system.harness import SystemHarness
from tests.support.system.scoring_players import ScoringPlayers
from tests.support.system.viewer import ViewerClient
from tests.support.waiting import await_true

PROMISED_SECONDS = 2.0
RECOVERY_SECONDS = 60.0
REPAIR_SECONDS = 20.0
PLAYERS = 6
BANNED = 4403
ACT = Initiator("test", "because")


def main_flow(system: SystemHarness) -> None:
    """Register, score, see the new board, ban a player, and see the board without them."""
    player, spectator = system.register("Ada"), system.register("Bob")
    with (
        ViewerClient(system.websocket_url, player.access_token) as own,
        ViewerClient(system.websocket_url, spectator.access_token) as other,
    ):
        spectator.score_point()
        version = [player.score_point() for _ in range(3)][-1]["boardVersion"]
        other.await_board(version, seconds=1)
        assert shown(other) == [(player.user_id, 3), (spectator.user_id, 1)]
        assert player.call("GET", "/users/me").json()["rank"] == 1

        with services_in(system.environment()) as services:
            services.moderation.ban(ACT, player.user_id)
        await_true(lambda: own.closed_with == BANNED, 1)
        await_true(lambda: shown(other) == [(spectator.user_id, 1)], 1)
    refused = player.call("POST", "/actions/token")
    assert (refused.status_code, refused.json()["code"]) == (403, "USER_BANNED")
    assert "agree for 1 players" in operate(system, "ledger", "verify")
    assert spectator.call("GET", "/health").json()["redis"] == "ok"


def lose_a_master(system: SystemHarness, group: Group) -> None:
    """Kill the board's master under load; no point is lost and no process is restarted."""
    players = [system.register() for _ in range(PLAYERS)]
    processes = system.web + system.broadcasters
    workers = system.log("web").count("Booting worker")
    with (
        services_in(system.environment()) as services,
        ViewerClient(system.websocket_url, players[0].access_token) as watcher,
    ):
        with ScoringPlayers(players) as load:
            await_true(lambda: load.all_scored_since(0), RECOVERY_SECONDS)
            lost = group.master_of(keys.CACHED_BOARD)
            killed = time.monotonic()
            lost.kill()
            await_true(lambda: load.all_scored_since(killed), RECOVERY_SECONDS)
            took = time.monotonic() - killed
            since = time.monotonic()
            await_true(lambda: load.all_scored_since(since), RECOVERY_SECONDS)
        sys.stdout.write(
            f"all players score again {took:.1f} s after the kill; {load.refused} calls were"
            f" answered with 503, the slowest took {load.slowest:.2f} s\n"
        )
        assert load.unexpected == []
        assert load.acknowledged.keys() == {player.user_id for player in players}
        assert load.slowest < PROMISED_SECONDS
        counted_exactly_once(services, load)
        await_true(lambda: services.ledger_check.verify().sound, REPAIR_SECONDS)
        await_true(lambda: shown(watcher) == top_ten(services), REPAIR_SECONDS)
        assert watcher.closed_with is None
        versions = [each["version"] for each in watcher.boards]
        assert versions == sorted(set(versions))

        # Without a restart, points and bans reach the viewer as before.
        version = players[0].score_point()["boardVersion"]
        watcher.await_board(version, seconds=1)
        services.moderation.ban(ACT, players[0].user_id)
        await_true(lambda: watcher.closed_with == BANNED, 1)
    assert all(process.poll() is None for process in processes)
    assert system.log("web").count("Booting worker") == workers
    lost.start()
    await_true(group.whole, RECOVERY_SECONDS)


def counted_exactly_once(services: Services, load: ScoringPlayers) -> None:
    """PostgreSQL has every acknowledged point once, and no other point."""
    with services.database.reading() as connection:
        rows = connection.execute(
            text("SELECT user_id, count(*), count(DISTINCT nonce) FROM actions GROUP BY user_id")
        )
        counted = {str(user_id): (actions, nonces) for user_id, actions, nonces in rows}
    for user_id, points in load.acknowledged.items():
        assert counted[user_id] == (points, points)


def shown(watcher: ViewerClient) -> list[tuple[str, int]]:
    """(user id, score) of each row of the viewer's last board."""
    return [(row["userId"], row["score"]) for row in watcher.boards[-1]["leaderboard"]]


def top_ten(services: Services) -> list[tuple[str, int]]:
    """The same from the database."""
    with services.database.reading() as connection:
        return [(row.user_id, row.position.score) for row in board_rows.top(connection, TOP)]


def operate(system: SystemHarness, *words: str) -> str:
    """The output of `flask WORDS`, which must succeed."""
    done = subprocess.run(
        [Path(sys.executable).parent / "flask", *words],
        cwd=ROOT,
        env=system.environment() | {"FLASK_SKIP_DOTENV": "1"},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
