"""Nothing public shows what happens in a freeze."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.contract.standings import PeriodKind
from app.factory import create_app
from tests.app.boards.test_clock import set_times
from tests.support.api_client import Caller, body_of
from tests.support.players import PASSWORD, Person
from tests.support.service_acts import OPERATOR, act, count, create_board
from tests.support.services import Services
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

PERIODS: tuple[PeriodKind, ...] = ("all", "day", "week", "month")
PLAYERS = 14
VOLATILE = {"Date", "X-Request-Id", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
OF_BOARD = "/api/boards/quiz"
_numbers = itertools.count(step=10)


@pytest.fixture
def app(services: Services) -> Flask:
    return create_app(services)


@pytest.fixture
def people(services: Services) -> list[Person]:
    return [Person.register(services, f"Player {number}") for number in range(PLAYERS)]


def public_paths(version: int) -> Iterator[str]:
    """Every call that shows something of the board."""
    yield from ("/api/boards", OF_BOARD, "/api/leaderboard")
    for period in PERIODS:
        yield f"{OF_BOARD}/leaderboard?period={period}"
        yield f"{OF_BOARD}/leaderboard?period={period}&limit=100&minVersion={version}"
        yield f"{OF_BOARD}/leaderboard.csv?period={period}"
        yield f"{OF_BOARD}/leaderboard/around-me?period={period}&span=10"


def log_in(app: Flask, person: Person) -> Caller:
    body = {"username": person.username, "password": PASSWORD}
    reply = app.test_client().post("/api/auth/login", json=body)
    return Caller(app, person.user_id, body_of(reply)["accessToken"])


def surfaces(caller: Caller) -> dict[str, Any]:
    """The bytes and headers of each call, and the scores in histories."""
    found: dict[str, Any] = {}
    for path in (*public_paths(1), "/api/users/me", "/api/users/me/standings"):
        reply = caller("GET", path)
        headers = {name: value for name, value in reply.headers if name not in VOLATILE}
        found[path] = (reply.status_code, headers, reply.data)
    # Histories are cached for a second by their beginning, so each time with another one.
    since = datetime.now(UTC) - timedelta(minutes=30, seconds=next(_numbers))
    for period in PERIODS:
        path = f"{OF_BOARD}/history?period={period}&since={since:%Y-%m-%dT%H:%M:%SZ}"
        found[f"history of {period}"] = [
            (each["userId"], each["score"], {point["score"] for point in each["points"]})
            for each in body_of(caller("GET", path))["series"]
        ]
    return found


def stored(services: Services) -> dict[str, Any]:
    """What Redis has of boards, except what expires by itself."""
    found = {}
    for key in map(str, services.redis.scan_iter("*leaderboard*")):
        if not key.endswith((":complete_until", ":keeper", ":kept", ":used", "top10", ":lease")):
            read: dict[Any, Any] = {
                "zset": lambda name: services.redis.zrange(name, 0, -1, withscores=True),
                "hash": services.redis.hgetall,
                "string": services.redis.get,
            }
            found[key] = read[services.redis.type(key)](key)
    return found


def published(services: Services) -> dict[str, tuple[Any, ...]]:
    """The rows of standings with their revisions and versions in PostgreSQL."""
    with services.database.reading() as connection:
        return {
            table: tuple(connection.execute(text(f"SELECT *, xmin FROM {table} ORDER BY 1, 2, 4")))
            for table in ("standings", "boards")
        }


@pytest.mark.parametrize("seed", range(3))
def test_nothing_public_changes_with_the_acts_in_a_freeze(
    services: Services, app: Flask, people: list[Person], seed: int
) -> None:
    create_board(services, periods=PERIODS)
    chance = random.Random(seed)
    count(services, *(act(person, chance.randrange(1, 100)) for person in people[:-1]))
    watcher = log_in(app, people[0])
    set_times(services, freezes_at="now")
    # A process knows the clock of a board after a second, and its caches are filled.
    surfaces(watcher)
    await_true(lambda: b'"state":"frozen"' in watcher("GET", OF_BOARD).data, 5)
    before, in_redis, in_database = surfaces(watcher), stored(services), published(services)
    messages = services.pubsub_client.pubsub(ignore_subscribe_messages=True)
    messages.psubscribe("*")
    messages.get_message(timeout=1)
    for _ in range(10):
        acts = [act(person, chance.randrange(0, 500)) for person in people[1:]]
        answers = count(services, *acts, *acts, acts[0] | {"points": 501})
        statuses = {answer["status"] for answer in answers}
        assert statuses == {"counted", "repeated", "conflict"}
        assert all(answer.keys() == {"id", "status"} for answer in answers)
    assert published(services) == in_database
    assert stored(services) == in_redis
    assert surfaces(watcher) == before
    assert list(iter(lambda: messages.get_message(timeout=0.2), None)) == []
    messages.close()
    # The acts are there, so the comparison has compared something.
    services.freezes.unfreeze(OPERATOR, "quiz")
    assert surfaces(watcher) != before
    assert stored(services) != in_redis


def test_acts_in_a_freeze_change_nothing_while_a_ban_and_a_rename_are_shown(
    services: Services, app: Flask, people: list[Person]
) -> None:
    """Two boards with the same players, of which one has acts in the freeze."""
    for key in ("quiz", "idle"):
        create_board(services, key)
        boards = ("quiz", "idle")
        count(services, *(act(each, 10, key) for each in people[:4]), boards=boards)
        set_times(services, key, freezes_at="now")
    count(services, *(act(each, 500) for each in people[1:6]))
    services.moderation.ban(OPERATOR, people[1].user_id)
    services.moderation.rename(OPERATOR, people[2].user_id, username=None, display_name="Renamed")
    watcher = log_in(app, people[0])
    quiz, idle = (
        body_of(watcher("GET", f"/api/boards/{key}/leaderboard"))["leaderboard"]
        for key in ("quiz", "idle")
    )
    assert [(row["displayName"], row["score"]) for row in quiz] == [
        ("Player 0", 10),
        ("Renamed", 10),
        ("Player 3", 10),
    ]
    assert quiz == idle
