"""The limits: how many viewers, how many handshakes a second, how many and how long messages."""

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

from tests.support.broadcaster.frames import handshake_request, raw_viewer
from tests.support.broadcaster.harness import (
    BroadcasterHarness,
    events_until_close,
    running_broadcaster,
)
from tests.support.players import Person
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

VIEWERS, PER_USER, PER_ADDRESS, MESSAGE_BYTES, MESSAGES = 6, 2, 3, 200, 3


@pytest.fixture(scope="module")
def stores_here(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stores]:
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        yield Stores(postgres.create(), server.url)


@pytest.fixture(scope="module")
def narrow(
    stores_here: Stores, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BroadcasterHarness]:
    """A broadcaster with low limits, behind one proxy."""
    variables = {
        "MAX_VIEWERS": VIEWERS,
        "MAX_VIEWERS_PER_USER": PER_USER,
        "MAX_VIEWERS_PER_ADDRESS": PER_ADDRESS,
        "MAX_MESSAGE_BYTES": MESSAGE_BYTES,
        "MESSAGES_PER_SECOND": MESSAGES,
        "TRUSTED_PROXY_HOPS": 1,
        "METRICS_TOKEN": "0123456789abcdef",
    }
    texts = {name: str(value) for name, value in variables.items()}
    with running_broadcaster(stores_here, tmp_path_factory.mktemp("logs"), **texts) as broadcaster:
        yield broadcaster


@pytest.fixture
def stack(narrow: BroadcasterHarness) -> Iterator[ExitStack]:
    """Closes a test's viewers, and waits until the broadcaster has removed them."""
    with ExitStack() as viewers:
        yield viewers
    await_true(lambda: narrow.log().count("viewer_joined") == narrow.log().count("viewer_left"), 20)


def watch(
    broadcaster: BroadcasterHarness, stack: ExitStack, person: Person, address: str
) -> ClientConnection:
    forwarded = {"X-Forwarded-For": address}
    return stack.enter_context(broadcaster.connect_viewer(person, additional_headers=forwarded))


def hits(broadcaster: BroadcasterHarness, limit: str) -> float:
    """How often that limit refused something, by /metrics."""
    return broadcaster.metric(f'scoreboard_viewer_limit_hits_total{{limit="{limit}"}}')


def first_event(viewer: ClientConnection) -> dict[str, object]:
    event: dict[str, object] = json.loads(viewer.recv(5))
    return event


def request_handshake(broadcaster: BroadcasterHarness, person: Person) -> requests.Response:
    return broadcaster.request_handshake(broadcaster.access_token(person))


def assert_too_many(viewer: ClientConnection) -> None:
    (event,), code = events_until_close(viewer, 5)
    assert event["event"] == "disconnect"
    assert event["data"]["reason"] == "too_many_connections"
    assert 5_000 <= event["data"]["reconnectInMs"] <= 30_000
    assert code == 4429


def test_the_viewers_of_a_user_are_limited_and_a_viewer_that_leaves_is_no_longer_counted(
    narrow: BroadcasterHarness, stack: ExitStack
) -> None:
    person = narrow.register_player()
    first, second = (watch(narrow, stack, person, f"192.0.2.{n}") for n in range(2))
    assert first_event(first)["event"] == first_event(second)["event"] == "connected"
    before = hits(narrow, "max_viewers_per_user")
    assert_too_many(watch(narrow, stack, person, "192.0.2.9"))
    assert hits(narrow, "max_viewers_per_user") == before + 1
    assert (
        first_event(watch(narrow, stack, narrow.register_player(), "192.0.2.9"))["event"]
        == "connected"
    )
    first.close()
    assert first_event(watch(narrow, stack, person, "192.0.2.8"))["event"] == "connected"


def test_the_viewers_of_an_address_are_limited_by_the_address_that_the_trusted_proxy_reports(
    narrow: BroadcasterHarness, stack: ExitStack
) -> None:
    for _ in range(PER_ADDRESS):
        # The client sent what precedes the proxy's own entry; it is not trusted.
        forged = "203.0.113.77, 192.0.2.1"
        viewer = watch(narrow, stack, narrow.register_player(), forged)
        assert first_event(viewer)["event"] == "connected"
    assert_too_many(watch(narrow, stack, narrow.register_player(), "203.0.113.78, 192.0.2.1"))
    assert hits(narrow, "max_viewers_per_address") >= 1
    elsewhere = watch(narrow, stack, narrow.register_player(), "192.0.2.2")
    assert first_event(elsewhere)["event"] == "connected"


@pytest.mark.parametrize(
    "forms",
    [
        ("192.0.2.1:49152", "192.0.2.1:49153", '"192.0.2.1:1"', "::ffff:192.0.2.1"),
        ("2001:db8::1", "[2001:db8::2]:49152", "2001:db8::3%eth0", '"[2001:db8::4]"'),
    ],
)
def test_viewers_count_for_one_address_in_every_form_and_for_one_ipv6_network(
    narrow: BroadcasterHarness, stack: ExitStack, forms: tuple[str, ...]
) -> None:
    *accepted, above = forms
    for address in accepted:
        viewer = watch(narrow, stack, narrow.register_player(), address)
        assert first_event(viewer)["event"] == "connected"
    assert_too_many(watch(narrow, stack, narrow.register_player(), above))


def test_a_full_process_answers_503_before_the_upgrade(
    narrow: BroadcasterHarness, stack: ExitStack
) -> None:
    viewers = [
        watch(narrow, stack, narrow.register_player(), f"192.0.2.{number}")
        for number in range(VIEWERS)
    ]
    assert all(first_event(viewer)["event"] == "connected" for viewer in viewers)
    reply = request_handshake(narrow, narrow.register_player())
    assert (reply.status_code, reply.json()["code"]) == (503, "BROADCASTER_FULL")
    assert int(reply.headers["Retry-After"]) >= 1
    assert hits(narrow, "max_viewers") >= 1
    viewers[0].close()
    assert (
        first_event(watch(narrow, stack, narrow.register_player(), "192.0.2.9"))["event"]
        == "connected"
    )


def test_the_maximum_message_size_is_a_setting(
    narrow: BroadcasterHarness, stack: ExitStack
) -> None:
    viewer = watch(narrow, stack, narrow.register_player(), "192.0.2.1")
    ping = '{"type": "ping"}'
    viewer.send(ping.ljust(MESSAGE_BYTES))
    viewer.send(ping.ljust(MESSAGE_BYTES + 1))
    events, code = events_until_close(viewer, 5)
    assert [event["event"] for event in events] == [
        "connected",
        "leaderboard_update",
        "pong",
        "disconnect",
    ]
    assert code == 1009
    assert hits(narrow, "max_message_bytes") >= 1


def test_the_maximum_of_messages_a_second_is_a_setting(
    narrow: BroadcasterHarness, stack: ExitStack
) -> None:
    viewer = watch(narrow, stack, narrow.register_player(), "192.0.2.1")
    started = time.monotonic()
    with suppress(ConnectionClosed):
        for _ in range(50):
            viewer.send('{"type": "ping"}')
    events, code = events_until_close(viewer, 5)
    seconds = time.monotonic() - started
    pongs = sum(event["event"] == "pong" for event in events)
    assert 2 * MESSAGES <= pongs <= 2 * MESSAGES + seconds * MESSAGES
    assert (events[-1]["data"]["reason"], code) == ("too_many_messages", 1008)
    assert hits(narrow, "messages_per_second") >= 1


def test_too_many_handshakes_in_a_second_are_answered_503_and_succeed_later(
    stores_here: Stores, tmp_path_factory: pytest.TempPathFactory
) -> None:
    logs = tmp_path_factory.mktemp("logs")
    with (
        running_broadcaster(stores_here, logs, NEW_VIEWERS_PER_SECOND="2") as broadcaster,
        ExitStack() as stack,
    ):
        person = broadcaster.register_player()
        connected = stack.enter_context(
            raw_viewer(broadcaster.port, broadcaster.access_token(person))
        )
        started = time.monotonic()
        replies = request_handshakes_at_once(broadcaster, person, 20)
        seconds = time.monotonic() - started
        refused = [reply for reply in replies if reply.startswith("HTTP/1.1 503")]
        assert refused
        assert 20 - len(refused) <= 2 + 2 * seconds
        assert all("TOO_MANY_HANDSHAKES" in reply for reply in refused)
        assert all("Retry-After: " in reply for reply in refused)
        assert hits(broadcaster, "new_viewers_per_second") == len(refused)
        # Connected viewers are not affected, and /health is not a handshake.
        connected.next_event("leaderboard_update")
        assert requests.get(f"{broadcaster.url}/health", timeout=5).ok
        await_true(lambda: request_handshake(broadcaster, person).status_code == 101, 10)


def request_handshakes_at_once(
    broadcaster: BroadcasterHarness, person: Person, number: int
) -> list[str]:
    """The replies to `number` handshakes that are all sent before a reply is read."""
    request = handshake_request(broadcaster.access_token(person))
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_connection(("127.0.0.1", broadcaster.port), 5))
            for _ in range(number)
        ]
        for each in sockets:
            each.sendall(request)
        return [read_reply(each) for each in sockets]


def read_reply(sock: socket.socket) -> str:
    """A whole refusal, which ends with the connection, or the start of an upgrade."""
    reply = sock.recv(4096)
    while reply.startswith(b"HTTP/1.1 503") and (more := sock.recv(4096)):
        reply += more
    return reply.decode(errors="replace")
