"""Viewers during and after outages of Redis or PostgreSQL."""

from __future__ import annotations

import json

import pytest

from app.contract import keys
from tests.support.broadcaster.frames import json_frame, raw_viewer
from tests.support.broadcaster.harness import BroadcasterHarness
from tests.support.system.viewer import ViewerClient
from tests.support.waiting import await_true
from tools.local.embedded import EmbeddedValkey

pytestmark = pytest.mark.slow


def test_viewers_stay_connected_without_redis_and_get_what_they_missed_later(
    own_broadcaster: BroadcasterHarness, own_valkey: EmbeddedValkey
) -> None:
    broadcaster = own_broadcaster
    player, leaver = broadcaster.register_player(), broadcaster.register_player()
    tokens = [broadcaster.access_token(person) for person in (player, leaver)]
    with (
        ViewerClient(broadcaster.websocket_url, tokens[0]) as watcher,
        raw_viewer(broadcaster.port, tokens[1]) as leaving,
    ):
        version = player.score().board_version
        assert version is not None
        watcher.await_board(version, seconds=1)
        own_valkey.kill()

        refused = broadcaster.request_handshake(tokens[0])
        assert refused.status_code == 503
        assert refused.json()["code"] == "REDIS_UNAVAILABLE"
        assert int(refused.headers["Retry-After"]) > 0
        # Its end is committed, but cannot be announced.
        broadcaster.services.sessions.end(leaver.identity)
        with broadcaster.services.database.transaction() as connection:
            connection.exec_driver_sql("UPDATE users SET display_name = 'Renamed'")
        leaving.send(json_frame({"type": "ping"}))
        leaving.next_event("pong")

        own_valkey.start()
        await_true(lambda: shown_name(watcher) == "Renamed", 5)
        assert leaving.close_code() == 4401
        assert watcher.closed_with is None
        versions = [board["version"] for board in watcher.boards]
        assert versions == sorted(set(versions))


def shown_name(watcher: ViewerClient) -> str:
    name: str = watcher.boards[-1]["leaderboard"][0]["displayName"]
    return name


def test_a_failed_read_of_the_board_is_retried(own_broadcaster: BroadcasterHarness) -> None:
    broadcaster = own_broadcaster
    player = broadcaster.register_player()
    with ViewerClient(broadcaster.websocket_url, broadcaster.access_token(player)) as watcher:
        version = player.score().board_version
        assert version is not None
        watcher.await_board(version, seconds=1)
        rename(broadcaster, "users", "users_renamed")
        announcement = json.dumps({"version": version + 5})
        broadcaster.services.redis.publish(keys.SCORE_UPDATE, announcement)
        broadcaster.await_log("board_not_read", 10)
        rename(broadcaster, "users_renamed", "users")
        watcher.await_board(version + 5, seconds=5)
    assert broadcaster.process.poll() is None


def rename(broadcaster: BroadcasterHarness, old: str, new: str) -> None:
    with broadcaster.services.database.transaction() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")


def test_a_change_without_an_announcement_is_sent_within_five_seconds(
    own_broadcaster: BroadcasterHarness,
) -> None:
    broadcaster = own_broadcaster
    player = broadcaster.register_player()
    with ViewerClient(broadcaster.websocket_url, broadcaster.access_token(player)) as watcher:
        version = player.score().board_version
        assert version is not None
        watcher.await_board(version, seconds=1)
        broadcaster.services.redis.hset(keys.BOARD_VERSION, "version", str(version + 1))
        broadcaster.services.redis.delete(keys.CACHED_BOARD)
        watcher.await_board(version + 1, seconds=5)
