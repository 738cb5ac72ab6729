"""A banned player learns the times of the ban and its public reason, not the audit trail's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from app.audit.audited_change import Initiator
from app.contract import keys
from tests.support.services import Services, services_in
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD, Player

REASON = "told by a colleague"
MODERATOR = Initiator("test", REASON)

pytestmark = pytest.mark.slow


@pytest.fixture
def moderator(running_system: SystemHarness) -> Iterator[Services]:
    with services_in(running_system.environment()) as services:
        yield services


def refusals_of(player: Player) -> Iterator[dict[str, Any]]:
    """The reply to each call that a banned player can make."""
    login = {"username": player.username, "password": PASSWORD}
    for method, path, body in (
        ("POST", "/auth/login", login),
        ("POST", "/auth/refresh", {"refreshToken": player.refresh_token}),
        ("GET", "/users/me", None),
        ("POST", "/actions/token", None),
        ("POST", "/scores/increment", {"actionToken": "forged"}),
    ):
        reply = player.call(method, path, json=body)
        assert (reply.status_code, reply.json()["code"]) == (403, "USER_BANNED"), path
        assert REASON not in reply.text
        yield reply.json()


@pytest.mark.parametrize("hours", [2, None])
def test_every_refusal_says_since_when_until_when_and_why_the_player_is_banned(
    running_system: SystemHarness, moderator: Services, hours: int | None
) -> None:
    player = running_system.register()
    until = None if hours is None else datetime.now(UTC) + timedelta(hours=hours)
    public_reason = None if hours is None else "One account for each player"
    moderator.moderation.ban(MODERATOR, player.user_id, until, public_reason)
    for is_cached in (True, False):
        if not is_cached:
            for key in moderator.redis.scan_iter(match=f"*{player.user_id}*"):
                moderator.redis.delete(key)
        for refusal in refusals_of(player):
            begin = datetime.fromisoformat(refusal["details"]["bannedAt"])
            assert abs(datetime.now(UTC) - begin) < timedelta(seconds=30)
            assert refusal["details"]["reason"] == public_reason
            end = refusal["details"]["until"]
            if until is None:
                assert end is None
            else:
                assert abs(datetime.fromisoformat(end) - until) < timedelta(milliseconds=1)


def test_the_last_event_of_a_banned_viewer_has_the_details(
    running_system: SystemHarness, moderator: Services
) -> None:
    player = running_system.register()
    headers = {"Authorization": f"Bearer {player.access_token}"}
    with connect(running_system.websocket_url, additional_headers=headers) as viewer:
        assert json.loads(viewer.recv(5))["event"] == "connected"
        until = datetime.now(UTC) + timedelta(hours=1)
        moderator.moderation.ban(MODERATOR, player.user_id, until, "Shared account")
        events = []
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                events.append(json.loads(viewer.recv(5)))
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403
    data = events[-1]["data"]
    assert (data["reason"], data["reconnectInMs"]) == ("banned", None)
    assert data["details"]["reason"] == "Shared account"
    assert data["details"] == next(refusals_of(player))["details"]


def test_an_account_that_the_version_before_has_cached_is_refused_without_details(
    running_system: SystemHarness, moderator: Services
) -> None:
    player = running_system.register()
    moderator.moderation.ban(MODERATOR, player.user_id)
    moderator.redis.hdel(keys.account(player.user_id), "bannedAt", "bannedUntil", "banReason")
    reply = player.call("POST", "/actions/token")
    assert (reply.status_code, reply.json()["code"]) == (403, "USER_BANNED")
    assert "details" not in reply.json()
