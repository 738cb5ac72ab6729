"""Displays as viewers: they connect with a display token until it is revoked or expires."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app.accounts.display_tokens import IssuedDisplayToken
from app.audit.audited_change import Initiator
from app.contract.identity import Identity, JwtSigner
from tests.support.broadcaster.frames import json_frame, raw_viewer
from tests.support.broadcaster.harness import BroadcasterHarness, running_broadcaster
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.system.viewer import ViewerClient
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow
INITIATOR = Initiator("operator:x", "a test")


def issue(broadcaster: BroadcasterHarness, seconds: int = 3600) -> IssuedDisplayToken:
    return broadcaster.services.display_tokens.issue(INITIATOR, "hall", seconds)


def handshake_status(broadcaster: BroadcasterHarness, token: str) -> int:
    return broadcaster.request_handshake(token).status_code


@pytest.fixture(scope="module")
def pair(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[BroadcasterHarness]]:
    """Two broadcasters with the same stores."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server, ExitStack() as stack:
        stores = Stores(postgres.create(), server.url)
        folder = tmp_path_factory.mktemp("broadcasters")
        yield [stack.enter_context(running_broadcaster(stores, folder)) for _ in range(2)]


def test_a_display_gets_the_board_and_every_change(broadcaster: BroadcasterHarness) -> None:
    issued = issue(broadcaster)
    with raw_viewer(broadcaster.port, issued.jwt) as viewer:
        connected = viewer.next_event("connected")["data"]
        assert connected["userId"] == issued.token.id
        assert 3590 < connected["tokenExpiresIn"] <= 3600
        viewer.next_event("leaderboard_update")
        # A display has no user, so it has no rank.
        viewer.send(json_frame({"type": "watch_me"}))
        assert viewer.next_event("error")["data"]["code"] == "MESSAGE_INVALID"
    with ViewerClient(broadcaster.websocket_url, issued.jwt) as watcher:
        version = broadcaster.register_player().score().board_version
        assert version is not None
        watcher.await_board(version, seconds=1)


def test_a_revoked_token_closes_all_its_displays_within_a_second_for_good(
    pair: list[BroadcasterHarness],
) -> None:
    token, other = issue(pair[0]), issue(pair[0])
    with ExitStack() as stack:
        watchers = [
            stack.enter_context(ViewerClient(broadcaster.websocket_url, token.jwt))
            for broadcaster in (*pair, *pair)
        ]
        spared = stack.enter_context(ViewerClient(pair[1].websocket_url, other.jwt))
        await_true(lambda: all(watcher.boards for watcher in (*watchers, spared)), 5)
        pair[0].services.display_tokens.revoke(INITIATOR, token.token)
        await_true(lambda: all(watcher.closed_with for watcher in watchers), 1)
        assert {watcher.closed_with for watcher in watchers} == {4401}
        assert spared.closed_with is None
    assert [handshake_status(broadcaster, token.jwt) for broadcaster in pair] == [401, 401]
    # Redis loses the revocation; PostgreSQL still has it.
    pair[0].services.redis.flushall()
    assert [handshake_status(broadcaster, token.jwt) for broadcaster in pair] == [401, 401]
    assert handshake_status(pair[0], other.jwt) == 101


def test_a_token_revoked_while_the_subscription_was_lost_is_found_when_it_is_renewed(
    pair: list[BroadcasterHarness],
) -> None:
    issued, valid = issue(pair[0]), issue(pair[0])
    services = pair[0].services
    with (
        ViewerClient(pair[0].websocket_url, issued.jwt) as watcher,
        ViewerClient(pair[0].websocket_url, valid.jwt) as spared,
    ):
        await_true(lambda: watcher.boards and spared.boards, 5)
        with services.database.transaction() as connection:
            connection.exec_driver_sql(
                "UPDATE display_tokens SET revoked_at = now() WHERE id = %s", (issued.token.id,)
            )
        services.redis.flushall()
        for client in services.redis.client_list("pubsub"):
            services.redis.client_kill_filter(_id=client["id"])
        await_true(lambda: watcher.closed_with, 10)
        assert watcher.closed_with == 4401
        assert spared.closed_with is None


def test_a_display_with_an_expired_token_is_closed_and_must_not_reconnect(
    broadcaster: BroadcasterHarness,
) -> None:
    with raw_viewer(broadcaster.port, issue(broadcaster, seconds=3).jwt) as viewer:
        viewer.next_event("leaderboard_update")
        assert viewer.next_event("disconnect")["data"] == {
            "reason": "token_expired",
            "reconnectInMs": None,
        }
        assert viewer.close_code() == 4401


def test_only_the_token_of_the_same_user_renews_a_viewer_and_none_renews_a_display(
    broadcaster: BroadcasterHarness,
) -> None:
    person, issued = broadcaster.register_player(), issue(broadcaster)
    refused = {
        issued.jwt: [issue(broadcaster).jwt, broadcaster.access_token(person)],
        broadcaster.access_token(person): [issued.jwt],
    }
    for token, others in refused.items():
        with raw_viewer(broadcaster.port, token) as viewer:
            for other in others:
                viewer.send(json_frame({"type": "auth", "token": other}))
                assert viewer.next_event("error")["data"]["code"] == "AUTH_INVALID"
            viewer.send(json_frame({"type": "ping"}))
            viewer.next_event("pong")


def test_a_signed_display_token_that_was_never_issued_is_refused(
    broadcaster: BroadcasterHarness,
) -> None:
    settings, unknown = broadcaster.services.settings, str(uuid.uuid4())
    signer = JwtSigner(settings.jwt_private_key, settings.jwt_issuer, settings.jwt_audience)
    now = int(time.time())
    identity = Identity(unknown, unknown, unknown, now + 60, "display")
    assert handshake_status(broadcaster, signer.sign(identity, "display", now)) == 401
