"""Viewers while Redis or PostgreSQL is away, and when it is back."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests

from app.contract import keys
from tests.awaiting import await_true
from tests.broadcaster.frames_in import UPGRADE, bare_viewer, say
from tests.broadcaster.stage import Stage, broadcaster_on
from tests.servers import DatabaseServer, Stores, redis_server
from tests.system.watching import Watcher
from tools.embedded import EmbeddedValkey

pytestmark = pytest.mark.slow


@pytest.fixture
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def own_stage(
    postgres: DatabaseServer, own_valkey: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A stage whose Redis may be killed."""
    stores = Stores(postgres.create(), own_valkey.url)
    with broadcaster_on(stores, tmp_path_factory.mktemp("broadcaster")) as stage:
        yield stage


def test_viewers_outlast_redis_and_then_see_what_they_missed(
    own_stage: Stage, own_valkey: EmbeddedValkey
) -> None:
    stage = own_stage
    player, leaver = stage.person(), stage.person()
    tokens = [stage.access_token(person) for person in (player, leaver)]
    with (
        Watcher(stage.websocket_url, tokens[0]) as watcher,
        bare_viewer(stage.port, tokens[1]) as leaving,
    ):
        version = player.score().board_version
        assert version is not None
        watcher.await_board(version, seconds=1)
        own_valkey.kill()

        refused = requests.get(
            f"{stage.url}/ws",
            headers=UPGRADE | {"Authorization": f"Bearer {tokens[0]}"},
            timeout=5,
        )
        assert refused.status_code == 503
        assert refused.json()["code"] == "REDIS_UNAVAILABLE"
        assert int(refused.headers["Retry-After"]) > 0
        # Its end is committed, but there is nobody to announce it to.
        stage.services.sessions.end(leaver.identity)
        with stage.services.database.transaction() as connection:
            connection.exec_driver_sql("UPDATE users SET display_name = 'Renamed'")
        leaving.send(say({"type": "ping"}))
        leaving.next_event("pong")

        own_valkey.start()
        await_true(lambda: shown_name(watcher) == "Renamed", 5)
        assert leaving.close_code() == 4401
        assert watcher.closed_with is None
        versions = [board["version"] for board in watcher.boards]
        assert versions == sorted(set(versions))


def shown_name(watcher: Watcher) -> str:
    name: str = watcher.boards[-1]["leaderboard"][0]["displayName"]
    return name


def test_a_board_that_cannot_be_read_is_read_again(own_stage: Stage) -> None:
    stage = own_stage
    player = stage.person()
    with Watcher(stage.websocket_url, stage.access_token(player)) as watcher:
        version = player.score().board_version
        assert version is not None
        watcher.await_board(version, seconds=1)
        rename(stage, "users", "users_away")
        news = json.dumps({"version": version + 5})
        stage.services.redis.publish(keys.SCORE_UPDATE, news)
        stage.await_log("board_not_read", 2)
        rename(stage, "users_away", "users")
        watcher.await_board(version + 5, seconds=5)
    assert stage.process.poll() is None


def rename(stage: Stage, old: str, new: str) -> None:
    with stage.services.database.transaction() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")


def test_a_change_that_nobody_announced_is_shown_within_five_seconds(own_stage: Stage) -> None:
    stage = own_stage
    player = stage.person()
    with Watcher(stage.websocket_url, stage.access_token(player)) as watcher:
        version = player.score().board_version
        assert version is not None
        watcher.await_board(version, seconds=1)
        stage.services.redis.hset(keys.BOARD_VERSION, "version", str(version + 1))
        stage.services.redis.delete(keys.CACHED_BOARD)
        watcher.await_board(version + 1, seconds=5)
