"""How many viewers there may be, how fast they may come, and how much they may say."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.app.people import Person
from tests.awaiting import await_true
from tests.broadcaster.frames_in import UPGRADE, bare_viewer, handshake
from tests.broadcaster.stage import Stage, broadcaster_on, last_events, metric
from tests.servers import DatabaseServer, Stores, redis_server

pytestmark = pytest.mark.slow

VIEWERS, OF_USER, FROM_ADDRESS, MESSAGE_BYTES, MESSAGES = 6, 2, 3, 200, 3


@pytest.fixture(scope="module")
def stores_here(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stores]:
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        yield Stores(postgres.create(), server.url)


@pytest.fixture(scope="module")
def narrow(stores_here: Stores, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A broadcaster with little room, behind one proxy."""
    variables = {
        "MAX_VIEWERS": VIEWERS,
        "MAX_VIEWERS_PER_USER": OF_USER,
        "MAX_VIEWERS_PER_ADDRESS": FROM_ADDRESS,
        "MAX_MESSAGE_BYTES": MESSAGE_BYTES,
        "MESSAGES_PER_SECOND": MESSAGES,
        "TRUSTED_PROXY_HOPS": 1,
    }
    texts = {name: str(value) for name, value in variables.items()}
    with broadcaster_on(stores_here, tmp_path_factory.mktemp("logs"), **texts) as stage:
        yield stage


@pytest.fixture
def stack(narrow: Stage) -> Iterator[ExitStack]:
    """Closes a test's viewers, and waits until their places are free again."""
    with ExitStack() as viewers:
        yield viewers
    await_true(lambda: narrow.log().count("viewer_joined") == narrow.log().count("viewer_left"), 5)


def watch(stage: Stage, stack: ExitStack, who: Person, address: str) -> ClientConnection:
    forwarded = {"X-Forwarded-For": address}
    return stack.enter_context(stage.watch(who, additional_headers=forwarded))


def hits(stage: Stage, limit: str) -> float:
    """How often that limit turned somebody away, as /metrics says."""
    return metric(stage, f'scoreboard_viewer_limit_hits_total{{limit="{limit}"}}')


def first_event(viewer: ClientConnection) -> dict[str, object]:
    event: dict[str, object] = json.loads(viewer.recv(5))
    return event


def refused_reply(stage: Stage, person: Person, **headers: str) -> requests.Response:
    credentials = {"Authorization": f"Bearer {stage.access_token(person)}"}
    return requests.get(f"{stage.url}/ws", headers=UPGRADE | credentials | headers, timeout=5)


def assert_too_many(viewer: ClientConnection) -> None:
    (event,), code = last_events(viewer, 5)
    assert event["event"] == "disconnect"
    assert event["data"]["reason"] == "too_many_connections"
    assert 5_000 <= event["data"]["reconnectInMs"] <= 30_000
    assert code == 4429


def test_a_user_may_have_so_many_viewers_and_gets_a_place_back_by_leaving(
    narrow: Stage, stack: ExitStack
) -> None:
    person = narrow.person()
    first, second = (watch(narrow, stack, person, f"192.0.2.{n}") for n in range(2))
    assert first_event(first)["event"] == first_event(second)["event"] == "connected"
    before = hits(narrow, "max_viewers_per_user")
    assert_too_many(watch(narrow, stack, person, "192.0.2.9"))
    assert hits(narrow, "max_viewers_per_user") == before + 1
    assert first_event(watch(narrow, stack, narrow.person(), "192.0.2.9"))["event"] == "connected"
    first.close()
    assert first_event(watch(narrow, stack, person, "192.0.2.8"))["event"] == "connected"


def test_an_address_may_have_so_many_viewers_as_the_trusted_proxy_names_it(
    narrow: Stage, stack: ExitStack
) -> None:
    for _ in range(FROM_ADDRESS):
        # What stands before the proxy's own word is the client's, and nobody believes it.
        forged = "203.0.113.77, 192.0.2.1"
        viewer = watch(narrow, stack, narrow.person(), forged)
        assert first_event(viewer)["event"] == "connected"
    assert_too_many(watch(narrow, stack, narrow.person(), "203.0.113.78, 192.0.2.1"))
    assert hits(narrow, "max_viewers_per_address") >= 1
    elsewhere = watch(narrow, stack, narrow.person(), "192.0.2.2")
    assert first_event(elsewhere)["event"] == "connected"


def test_a_full_process_says_503_before_the_upgrade(narrow: Stage, stack: ExitStack) -> None:
    viewers = [
        watch(narrow, stack, narrow.person(), f"192.0.2.{number}") for number in range(VIEWERS)
    ]
    assert all(first_event(viewer)["event"] == "connected" for viewer in viewers)
    reply = refused_reply(narrow, narrow.person())
    assert (reply.status_code, reply.json()["code"]) == (503, "BROADCASTER_FULL")
    assert int(reply.headers["Retry-After"]) >= 1
    assert hits(narrow, "max_viewers") >= 1
    viewers[0].close()
    assert first_event(watch(narrow, stack, narrow.person(), "192.0.2.9"))["event"] == "connected"


def test_the_longest_message_is_a_setting(narrow: Stage, stack: ExitStack) -> None:
    viewer = watch(narrow, stack, narrow.person(), "192.0.2.1")
    ping = '{"type": "ping"}'
    viewer.send(ping.ljust(MESSAGE_BYTES))
    viewer.send(ping.ljust(MESSAGE_BYTES + 1))
    come, code = last_events(viewer, 5)
    assert [event["event"] for event in come] == [
        "connected",
        "leaderboard_update",
        "pong",
        "disconnect",
    ]
    assert code == 1009
    assert hits(narrow, "max_message_bytes") >= 1


def test_messages_a_second_are_a_setting(narrow: Stage, stack: ExitStack) -> None:
    viewer = watch(narrow, stack, narrow.person(), "192.0.2.1")
    begun = time.monotonic()
    with suppress(ConnectionClosed):
        for _ in range(50):
            viewer.send('{"type": "ping"}')
    come, code = last_events(viewer, 5)
    seconds = time.monotonic() - begun
    pongs = sum(event["event"] == "pong" for event in come)
    assert 2 * MESSAGES <= pongs <= 2 * MESSAGES + seconds * MESSAGES
    assert (come[-1]["data"]["reason"], code) == ("too_many_messages", 1008)
    assert hits(narrow, "messages_per_second") >= 1


def test_more_handshakes_than_allowed_in_a_second_hear_503_and_may_come_back(
    stores_here: Stores, tmp_path_factory: pytest.TempPathFactory
) -> None:
    logs = tmp_path_factory.mktemp("logs")
    with (
        broadcaster_on(stores_here, logs, NEW_VIEWERS_PER_SECOND="2") as stage,
        ExitStack() as stack,
    ):
        person = stage.person()
        present = stack.enter_context(bare_viewer(stage.port, stage.access_token(person)))
        begun = time.monotonic()
        replies = at_once(stage, person, 20)
        seconds = time.monotonic() - begun
        refused = [reply for reply in replies if reply.startswith("HTTP/1.1 503")]
        assert refused
        assert 20 - len(refused) <= 2 + 2 * seconds
        assert all("TOO_MANY_HANDSHAKES" in reply for reply in refused)
        assert all("Retry-After: " in reply for reply in refused)
        assert hits(stage, "new_viewers_per_second") == len(refused)
        # Who is here already doesn't notice, and health is no handshake.
        present.next_event("leaderboard_update")
        assert requests.get(f"{stage.url}/health", timeout=5).ok
        await_true(lambda: refused_reply(stage, person).status_code == 101, 10)


def at_once(stage: Stage, person: Person, number: int) -> list[str]:
    """The replies to so many handshakes that are all sent before one is read."""
    request = handshake(stage.access_token(person))
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_connection(("127.0.0.1", stage.port), 5))
            for _ in range(number)
        ]
        for each in sockets:
            each.sendall(request)
        return [read_reply(each) for each in sockets]


def read_reply(sock: socket.socket) -> str:
    """All of a refusal, which ends with the connection; of an upgrade its beginning."""
    reply = sock.recv(4096)
    while reply.startswith(b"HTTP/1.1 503") and (more := sock.recv(4096)):
        reply += more
    return reply.decode(errors="replace")
