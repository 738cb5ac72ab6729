"""Tokens and sessions of connected viewers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from websockets.sync.client import ClientConnection

from app.contract import keys
from app.contract.channels import SessionsEnded
from tests.support.broadcaster.frames import json_frame, raw_viewer
from tests.support.broadcaster.harness import BroadcasterHarness, events_until_close
from tests.support.players import PASSWORD, Person
from tests.support.system.harness import SystemHarness
from tests.support.system.viewer import ViewerClient
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow


@contextmanager
def watching(broadcaster: BroadcasterHarness, person: Person) -> Iterator[ClientConnection]:
    """A viewer that has received the board."""
    with broadcaster.connect_viewer(person) as viewer:
        while json.loads(viewer.recv(10))["event"] != "leaderboard_update":
            pass
        yield viewer


def test_a_logout_closes_the_sessions_viewers_within_a_second(
    running_system: SystemHarness,
) -> None:
    player = running_system.register()
    with ViewerClient(running_system.websocket_url, player.access_token) as watcher:
        await_true(lambda: watcher.boards, 2)
        assert player.call("POST", "/auth/logout").status_code == 204
        await_true(lambda: watcher.closed_with is not None, 1)
        assert watcher.closed_with == 4401


def test_a_closed_viewer_gets_the_reason_first(broadcaster: BroadcasterHarness) -> None:
    person = broadcaster.register_player()
    with watching(broadcaster, person) as viewer:
        broadcaster.services.sessions.end(person.identity)
        events, code = events_until_close(viewer, 1)
    assert code == 4401
    assert events[-1] == {
        "event": "disconnect",
        "data": {"reason": "session_revoked", "reconnectInMs": None},
    }


def test_only_the_viewers_of_the_ended_session_are_closed(broadcaster: BroadcasterHarness) -> None:
    person = broadcaster.register_player()
    again = broadcaster.services.accounts.log_in(person.username, PASSWORD)
    other = broadcaster.services.verifier.verify(again.tokens.access_token, "access")
    elsewhere = Person(broadcaster.services, person.user_id, person.username, other)
    with (
        watching(broadcaster, person) as first,
        watching(broadcaster, person) as second,
        watching(broadcaster, elsewhere) as third,
    ):
        broadcaster.services.sessions.end(person.identity)
        assert events_until_close(first, 1)[1] == events_until_close(second, 1)[1] == 4401
        third.send('{"type": "ping"}')
        assert json.loads(third.recv(10)) == {"event": "pong"}


def test_a_ban_has_its_own_close_code(broadcaster: BroadcasterHarness) -> None:
    person = broadcaster.register_player()
    with watching(broadcaster, person) as viewer:
        ended = SessionsEnded(person.user_id, (person.identity.session_id,), "banned")
        broadcaster.services.redis.publish(keys.SESSIONS_ENDED, ended.dump())
        events, code = events_until_close(viewer, 1)
    assert code == 4403
    assert events[-1]["data"] == {"reason": "banned", "reconnectInMs": None}


def test_invalid_messages_on_the_channels_are_ignored(
    broadcaster: BroadcasterHarness,
) -> None:
    for channel in (keys.SESSIONS_ENDED, keys.SCORE_UPDATE, keys.SERVER_SHUTDOWN):
        for payload in ("", "nonsense", "[]", "{}", '{"version": "x"}'):
            broadcaster.services.redis.publish(channel, payload)
    person = broadcaster.register_player()
    with watching(broadcaster, person) as viewer:
        broadcaster.services.sessions.end(person.identity)
        assert events_until_close(viewer, 1)[1] == 4401


def test_an_expired_token_closes_the_viewer_unless_it_was_renewed(
    broadcaster: BroadcasterHarness,
) -> None:
    short, renewed = broadcaster.register_player(), broadcaster.register_player()
    with (
        raw_viewer(broadcaster.port, broadcaster.access_token(short, seconds=3)) as expiring,
        raw_viewer(broadcaster.port, broadcaster.access_token(renewed, seconds=3)) as staying,
    ):
        assert expiring.next_event("connected")["data"]["tokenExpiresIn"] <= 3
        staying.next_event("leaderboard_update")
        staying.send(
            json_frame({"type": "auth", "token": broadcaster.access_token(renewed, seconds=600)})
        )
        assert staying.next_event("connected")["data"]["tokenExpiresIn"] > 590
        reasons = [event["data"] for event in expiring.events() if event["event"] == "disconnect"]
        assert reasons[0]["reason"] == "token_expired"
        assert reasons[0]["reconnectInMs"] is not None
        assert expiring.closed_with == 4401
        staying.send(json_frame({"type": "ping"}))
        staying.next_event("pong")


def test_a_refused_new_token_does_not_close_the_viewer(
    broadcaster: BroadcasterHarness,
) -> None:
    person = broadcaster.register_player()
    again = broadcaster.services.accounts.log_in(person.username, PASSWORD)
    ended = broadcaster.services.verifier.verify(again.tokens.access_token, "access")
    broadcaster.services.sessions.end(ended)
    bad = {
        "nonsense": "AUTH_INVALID",
        again.tokens.refresh_token: "AUTH_INVALID",
        again.tokens.access_token: "SESSION_REVOKED",
        broadcaster.access_token(broadcaster.register_player()): "AUTH_INVALID",
        broadcaster.access_token(person, seconds=-60): "AUTH_INVALID",
    }
    with raw_viewer(broadcaster.port, broadcaster.access_token(person)) as viewer:
        for token, code in bad.items():
            viewer.send(json_frame({"type": "auth", "token": token}))
            assert viewer.next_event("error")["data"]["code"] == code
        viewer.send(json_frame({"type": "ping"}))
        viewer.next_event("pong")


def test_after_a_renewal_only_the_end_of_the_new_session_closes_the_viewer(
    broadcaster: BroadcasterHarness,
) -> None:
    person = broadcaster.register_player()
    again = broadcaster.services.accounts.log_in(person.username, PASSWORD)
    other = broadcaster.services.verifier.verify(again.tokens.access_token, "access")
    with raw_viewer(broadcaster.port, broadcaster.access_token(person)) as viewer:
        viewer.next_event("leaderboard_update")
        viewer.send(json_frame({"type": "auth", "token": again.tokens.access_token}))
        viewer.next_event("connected")
        broadcaster.services.sessions.end(person.identity)
        viewer.send(json_frame({"type": "ping"}))
        viewer.next_event("pong")
        broadcaster.services.sessions.end(other)
        assert viewer.close_code() == 4401
