"""Displays as viewers: they watch by a token of their own, until it ends."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import requests

from app.contract.identity import Identity, JwtSigner
from app.services.displays import Issued
from app.services.moderation import Act
from tests.awaiting import await_true
from tests.broadcaster.frames_in import UPGRADE, bare_viewer, say
from tests.broadcaster.stage import Stage, broadcaster_on
from tests.servers import DatabaseServer, Stores, redis_server
from tests.system.watching import Watcher

pytestmark = pytest.mark.slow
ACT = Act("operator:x", "a test")


def issue(stage: Stage, seconds: int = 3600) -> Issued:
    return stage.services.displays.issue(ACT, "hall", seconds)


def status_of_handshake(stage: Stage, token: str) -> int:
    headers = UPGRADE | {"Authorization": f"Bearer {token}"}
    with requests.get(f"{stage.url}/ws", headers=headers, timeout=5, stream=True) as reply:
        return reply.status_code


@pytest.fixture(scope="module")
def pair(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Stage]]:
    """Two broadcasters over the same stores."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server, ExitStack() as stack:
        stores = Stores(postgres.create(), server.url)
        folder = tmp_path_factory.mktemp("broadcasters")
        yield [stack.enter_context(broadcaster_on(stores, folder)) for _ in range(2)]


def test_a_display_sees_the_board_and_every_change(stage: Stage) -> None:
    issued = issue(stage)
    with bare_viewer(stage.port, issued.jwt) as viewer:
        connected = viewer.next_event("connected")["data"]
        assert connected["userId"] == issued.token.id
        assert 3590 < connected["tokenExpiresIn"] <= 3600
        viewer.next_event("leaderboard_update")
        # It is nobody, so there is nobody's rank to tell.
        viewer.send(say({"type": "watch_me"}))
        assert viewer.next_event("error")["data"]["code"] == "MESSAGE_INVALID"
    with Watcher(stage.websocket_url, issued.jwt) as watcher:
        version = stage.person().score().board_version
        assert version is not None
        watcher.await_board(version, seconds=1)


def test_a_revoked_token_goes_dark_everywhere_within_a_second_and_stays_so(
    pair: list[Stage],
) -> None:
    token, other = issue(pair[0]), issue(pair[0])
    with ExitStack() as stack:
        watchers = [
            stack.enter_context(Watcher(stage.websocket_url, token.jwt)) for stage in (*pair, *pair)
        ]
        spared = stack.enter_context(Watcher(pair[1].websocket_url, other.jwt))
        await_true(lambda: all(watcher.boards for watcher in (*watchers, spared)), 5)
        pair[0].services.displays.revoke(ACT, token.token)
        await_true(lambda: all(watcher.closed_with for watcher in watchers), 1)
        assert {watcher.closed_with for watcher in watchers} == {4401}
        assert spared.closed_with is None
    assert [status_of_handshake(stage, token.jwt) for stage in pair] == [401, 401]
    # What Redis remembered of it is lost.
    pair[0].services.redis.flushall()
    assert [status_of_handshake(stage, token.jwt) for stage in pair] == [401, 401]
    assert status_of_handshake(pair[0], other.jwt) == 101


def test_what_was_revoked_while_nobody_listened_is_found_when_the_subscription_is_renewed(
    pair: list[Stage],
) -> None:
    issued, standing = issue(pair[0]), issue(pair[0])
    services = pair[0].services
    with (
        Watcher(pair[0].websocket_url, issued.jwt) as watcher,
        Watcher(pair[0].websocket_url, standing.jwt) as spared,
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


def test_an_expired_token_closes_and_is_not_to_come_back(stage: Stage) -> None:
    with bare_viewer(stage.port, issue(stage, seconds=2).jwt) as viewer:
        viewer.next_event("leaderboard_update")
        assert viewer.next_event("disconnect")["data"] == {
            "reason": "token_expired",
            "reconnectInMs": None,
        }
        assert viewer.close_code() == 4401


def test_no_other_token_goes_on_for_a_displays_nor_a_displays_for_another(stage: Stage) -> None:
    person, issued = stage.person(), issue(stage)
    refused = {
        issued.jwt: [issue(stage).jwt, stage.access_token(person)],
        stage.access_token(person): [issued.jwt],
    }
    for token, others in refused.items():
        with bare_viewer(stage.port, token) as viewer:
            for other in others:
                viewer.send(say({"type": "auth", "token": other}))
                assert viewer.next_event("error")["data"]["code"] == "AUTH_INVALID"
            viewer.send(say({"type": "ping"}))
            viewer.next_event("pong")


def test_a_signed_token_that_was_never_issued_is_refused(stage: Stage) -> None:
    settings, unknown = stage.services.settings, str(uuid.uuid4())
    signer = JwtSigner(settings.jwt_private_key, settings.jwt_issuer, settings.jwt_audience)
    now = int(time.time())
    identity = Identity(unknown, unknown, unknown, now + 60, "display")
    assert status_of_handshake(stage, signer.sign(identity, "display", now)) == 401
