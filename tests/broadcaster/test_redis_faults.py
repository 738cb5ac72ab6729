"""A broadcaster keeps serving whatever Redis answers and whatever is published on its channels."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
import redis
import requests

from app.contract import keys
from tests.support.broadcaster.harness import BroadcasterHarness
from tests.support.system.redis_faults import busy, unsaved
from tests.support.system.viewer import ViewerClient
from tests.support.waiting import await_true
from tools.local.embedded import EmbeddedValkey

pytestmark = pytest.mark.slow
FAULT_SECONDS = 12.0
"""Longer than the subscription waits for an answer."""
RECOVERY_SECONDS = 5.0
Fault = Callable[[str], AbstractContextManager[None]]

UNREADABLE = [
    b"hello",
    b"",
    b"\xff\xfe",
    b"[]",
    b"null",
    b'{"version": 1e400}',
    b'{"version": {}}',
    b'{"userId": 1, "sessionIds": 2, "reason": "banned"}',
    b'{"userId": "u", "sessionIds": ["s"], "reason": "unheard of"}',
    b'{"userId": "u", "sessionIds": ["s"], "reason": "banned", "ban": [1e20, null]}',
    b'{"instance": "\\ud800"}',
    b"[" * 100_000,
    b"9" * 10_000,
]


@pytest.mark.parametrize("fault", [busy, unsaved])
def test_boards_are_sent_again_after_redis_answered_with_errors(
    own_broadcaster: BroadcasterHarness, own_valkey: EmbeddedValkey, fault: Fault
) -> None:
    broadcaster = own_broadcaster
    player = broadcaster.register_player()
    token = broadcaster.access_token(player)
    with ViewerClient(broadcaster.websocket_url, token) as watcher:
        with fault(own_valkey.url):
            time.sleep(FAULT_SECONDS)
        await_true(lambda: health(broadcaster).ok, RECOVERY_SECONDS)
        version = player.score().board_version
        assert version is not None
        watcher.await_board(version, RECOVERY_SECONDS)
        assert watcher.closed_with is None
    assert broadcaster.process.poll() is None
    assert "part_failed" not in broadcaster.log()


def test_unreadable_messages_are_skipped_and_delay_no_board(
    own_broadcaster: BroadcasterHarness,
) -> None:
    broadcaster = own_broadcaster
    player = broadcaster.register_player()
    publish = broadcaster.services.redis.publish
    with ViewerClient(broadcaster.websocket_url, broadcaster.access_token(player)) as watcher:
        for channel in (keys.SCORE_UPDATE, keys.SESSIONS_ENDED, keys.SERVER_SHUTDOWN):
            for message in UNREADABLE:
                publish(channel, message)
        version = player.score().board_version
        assert version is not None
        watcher.await_board(version, seconds=1)
    assert broadcaster.log().count('"message_invalid"') == 1
    assert "part_failed" not in broadcaster.log()
    assert broadcaster.log().count('"subscribed"') == 1


def test_a_version_that_cannot_be_true_freezes_no_board(
    own_broadcaster: BroadcasterHarness,
) -> None:
    broadcaster = own_broadcaster
    player = broadcaster.register_player()
    redis_client = broadcaster.services.redis
    with ViewerClient(broadcaster.websocket_url, broadcaster.access_token(player)) as watcher:
        redis_client.publish(keys.SCORE_UPDATE, '{"version": 1795906336785000000}')
        redis_client.hset(keys.BOARD_VERSION, "version", "1795906336785000000")
        for _ in range(3):
            version = player.score().board_version
            assert version is not None
            shown = watcher.await_board(version, seconds=1)
            assert abs(shown["version"] - time.time() * 1000) < 60_000


def test_a_broadcaster_that_may_not_subscribe_is_unhealthy_until_it_may(
    own_broadcaster: BroadcasterHarness, own_valkey: EmbeddedValkey
) -> None:
    broadcaster = own_broadcaster
    with redis.Redis.from_url(own_valkey.url) as admin:
        admin.execute_command("ACL SETUSER default resetchannels")
        admin.client_kill_filter(_type="pubsub")
        await_true(lambda: health(broadcaster).status_code == 503, 30)
        report = health(broadcaster).json()
        assert (report["redis"], report["background"]) == ("ok", "error")
        admin.execute_command("ACL SETUSER default allchannels")
    await_true(lambda: health(broadcaster).ok, RECOVERY_SECONDS)


def health(broadcaster: BroadcasterHarness) -> requests.Response:
    return requests.get(f"{broadcaster.url}/health", timeout=5)
