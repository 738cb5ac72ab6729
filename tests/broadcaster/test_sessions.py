"""Tokens and sessions of viewers who are in already."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from websockets.sync.client import ClientConnection

from app.contract import keys
from app.contract.messages import SessionsEnded
from tests.app.people import PASSWORD, Person
from tests.awaiting import await_true
from tests.broadcaster.frames_in import bare_viewer, say
from tests.broadcaster.stage import Stage, last_events
from tests.system.running import RunningSystem
from tests.system.watching import Watcher

pytestmark = pytest.mark.slow


@contextmanager
def watching(stage: Stage, person: Person) -> Iterator[ClientConnection]:
    """A viewer who has the board."""
    with stage.watch(person) as viewer:
        while json.loads(viewer.recv(2))["event"] != "leaderboard_update":
            pass
        yield viewer


def test_a_logout_closes_the_sessions_viewers_within_a_second(
    running_system: RunningSystem,
) -> None:
    player = running_system.register()
    with Watcher(running_system.websocket_url, player.access_token) as watcher:
        await_true(lambda: watcher.boards, 2)
        assert player.call("POST", "/auth/logout").status_code == 204
        await_true(lambda: watcher.closed_with is not None, 1)
        assert watcher.closed_with == 4401


def test_who_is_closed_is_told_why_before(stage: Stage) -> None:
    person = stage.person()
    with watching(stage, person) as viewer:
        stage.services.sessions.end(person.identity)
        events, code = last_events(viewer, 1)
    assert code == 4401
    assert events[-1] == {
        "event": "disconnect",
        "data": {"reason": "session_revoked", "reconnectInMs": None},
    }


def test_all_viewers_of_that_session_and_no_others_go(stage: Stage) -> None:
    person = stage.person()
    again = stage.services.accounts.log_in(person.username, PASSWORD)
    other = stage.services.verifier.verify(again.tokens.access_token, "access")
    elsewhere = Person(stage.services, person.user_id, person.username, other)
    with (
        watching(stage, person) as first,
        watching(stage, person) as second,
        watching(stage, elsewhere) as third,
    ):
        stage.services.sessions.end(person.identity)
        assert last_events(first, 1)[1] == last_events(second, 1)[1] == 4401
        third.send('{"type": "ping"}')
        assert json.loads(third.recv(2)) == {"event": "pong"}


def test_a_ban_closes_with_its_own_code(stage: Stage) -> None:
    person = stage.person()
    with watching(stage, person) as viewer:
        ended = SessionsEnded(person.user_id, (person.identity.session_id,), "banned")
        stage.services.redis.publish(keys.SESSIONS_ENDED, ended.dump())
        events, code = last_events(viewer, 1)
    assert code == 4403
    assert events[-1]["data"] == {"reason": "banned", "reconnectInMs": None}


def test_messages_on_the_channels_that_make_no_sense_are_passed_over(stage: Stage) -> None:
    for channel in (keys.SESSIONS_ENDED, keys.SCORE_UPDATE):
        for payload in ("", "nonsense", "[]", "{}", '{"version": "x"}'):
            stage.services.redis.publish(channel, payload)
    person = stage.person()
    with watching(stage, person) as viewer:
        stage.services.sessions.end(person.identity)
        assert last_events(viewer, 1)[1] == 4401


def test_an_expired_token_closes_unless_it_is_renewed(stage: Stage) -> None:
    short, renewed = stage.person(), stage.person()
    with (
        bare_viewer(stage.port, stage.access_token(short, seconds=2)) as expiring,
        bare_viewer(stage.port, stage.access_token(renewed, seconds=2)) as staying,
    ):
        assert expiring.next_event("connected")["data"]["tokenExpiresIn"] <= 2
        staying.next_event("leaderboard_update")
        staying.send(say({"type": "auth", "token": stage.access_token(renewed, seconds=600)}))
        assert staying.next_event("connected")["data"]["tokenExpiresIn"] > 590
        reasons = [event["data"] for event in expiring.events() if event["event"] == "disconnect"]
        assert reasons[0]["reason"] == "token_expired"
        assert reasons[0]["reconnectInMs"] is not None
        assert expiring.closed_with == 4401
        staying.send(say({"type": "ping"}))
        staying.next_event("pong")


def test_a_token_that_cannot_renew_is_refused_and_the_viewer_stays(stage: Stage) -> None:
    person = stage.person()
    again = stage.services.accounts.log_in(person.username, PASSWORD)
    ended = stage.services.verifier.verify(again.tokens.access_token, "access")
    stage.services.sessions.end(ended)
    bad = {
        "nonsense": "AUTH_INVALID",
        again.tokens.refresh_token: "AUTH_INVALID",
        again.tokens.access_token: "SESSION_REVOKED",
        stage.access_token(stage.person()): "AUTH_INVALID",
        stage.access_token(person, seconds=-60): "AUTH_INVALID",
    }
    with bare_viewer(stage.port, stage.access_token(person)) as viewer:
        for token, code in bad.items():
            viewer.send(say({"type": "auth", "token": token}))
            assert viewer.next_event("error")["data"]["code"] == code
        viewer.send(say({"type": "ping"}))
        viewer.next_event("pong")


def test_after_a_renewal_it_is_the_new_session_that_counts(stage: Stage) -> None:
    person = stage.person()
    again = stage.services.accounts.log_in(person.username, PASSWORD)
    other = stage.services.verifier.verify(again.tokens.access_token, "access")
    with bare_viewer(stage.port, stage.access_token(person)) as viewer:
        viewer.next_event("leaderboard_update")
        viewer.send(say({"type": "auth", "token": again.tokens.access_token}))
        viewer.next_event("connected")
        stage.services.sessions.end(person.identity)
        viewer.send(say({"type": "ping"}))
        viewer.next_event("pong")
        stage.services.sessions.end(other)
        assert viewer.close_code() == 4401
