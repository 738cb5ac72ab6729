"""Values that other clients wrote to Redis neither freeze the board nor appear in it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
import redis

from app.contract import keys
from app.contract.channels import of_database
from tests.app.conftest import StartBackground
from tests.support.players import Person
from tests.support.servers import Stores
from tests.support.services import Services
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

Write = Callable[[redis.Redis], object]
NUMBERS = [
    "1795906336785000000",
    "1795906336785000",
    "-5",
    "hello",
    "",
    "nan",
    "inf",
    "1e300",
    "1.5",
]


def set_field(field: str, value: str) -> Write:
    return lambda client: client.hset(keys.BOARD_VERSION, field, value)


def set_board(board: object) -> Write:
    dumped = board if isinstance(board, str) else json.dumps(board)
    return lambda client: client.set(keys.CACHED_BOARD, dumped)


WRITES: dict[str, Write] = {
    **{f"version {value}": set_field("version", value) for value in NUMBERS},
    **{f"updatedAt {value}": set_field("updatedAt", value) for value in NUMBERS},
    **{f"committedAt {value}": set_field("committedAt", value) for value in NUMBERS},
    "a version of another type": lambda client: (
        client.delete(keys.BOARD_VERSION),
        client.set(keys.BOARD_VERSION, "x"),
    ),
    "a board of another type": lambda client: (
        client.delete(keys.CACHED_BOARD),
        client.hset(keys.CACHED_BOARD, "x", "y"),
    ),
    "a last board of another type": lambda client: (
        client.delete(keys.LAST_BOARD),
        client.set(keys.LAST_BOARD, "x"),
    ),
    "a last board without its tenth row": lambda client: client.hset(keys.LAST_BOARD, "rows", "10"),
    "a board that is no JSON": set_board("hello"),
    "a board that is another JSON": set_board({"version": 1}),
    "a board of a huge version": set_board([[1795906336785000000, 1, 1], [], [], False]),
    "a board nested deeply": set_board("[" * 100_000),
}


def test_the_board_stays_live_and_its_version_near_the_time(
    services: Services, make_services: Callable[..., Services]
) -> None:
    person, other_process = Person.register(services), make_services()
    person.score()
    for name, write in WRITES.items():
        first = services.leaderboard.top()
        write(services.redis)
        for process in (services, other_process):
            process.local_board.clear()
            assert process.leaderboard.top().rows == first.rows, name
        for _ in range(2):
            outcome = person.score()
            board = services.leaderboard.top(min_version=outcome.board_version or 0)
            assert board.rows[0].score == outcome.score, name
            assert abs(board.version.number - time.time() * 1000) < 60_000, name
            assert board.version.number >= first.version.number, name


def test_a_version_that_cannot_be_true_is_not_taken_from_a_message(
    services: Services, start_background: StartBackground
) -> None:
    start_background(services)
    await_true(lambda: services.redis.pubsub_numsub(keys.CACHE_INVALIDATE)[0][1] == 1, 5)
    for version in ("1795906336785000000", "1795906336785000", "9" * 40):
        services.redis.publish(keys.CACHE_INVALIDATE, version)
    # Received after the others.
    possible = int(time.time() * 1000) + 30_000
    services.redis.publish(keys.CACHE_INVALIDATE, possible)
    await_true(lambda: services.local_board.highest_version >= possible, 5)
    assert services.local_board.highest_version == possible
    number = Person.register(services).score().board_version
    assert number is not None
    assert abs(number - time.time() * 1000) < 60_000


def test_deployments_in_two_databases_of_a_redis_do_not_hear_each_other(
    services: Services,
    stores: Stores,
    make_services: Callable[..., Services],
    start_background: StartBackground,
) -> None:
    other = make_services(REDIS_URL=stores.redis_url.removesuffix("/0") + "/1")
    start_background(other)
    channel = of_database(keys.CACHE_INVALIDATE, 1)
    await_true(lambda: services.redis.pubsub_numsub(channel)[0][1] == 1, 5)
    person = Person.register(services)
    cleared = other.local_board.generation
    person.score(30)
    services.sessions.end(person.identity)
    own = Person.register(other)
    own.score()
    await_true(lambda: other.local_board.generation > cleared, 5)
    # Its own point, and what its reconciler found; the 30 points of the other would be 30 more.
    assert other.local_board.generation < cleared + 15
