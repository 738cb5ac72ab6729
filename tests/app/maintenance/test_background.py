"""The background threads of an API process outlive what other clients of Redis do."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from app.contract import keys
from tests.app.conftest import StartBackground
from tests.support.players import Person
from tests.support.servers import Stores
from tests.support.services import Services
from tests.support.system.redis_faults import busy
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow


def test_a_cached_board_is_invalidated_after_messages_that_cannot_be_read(
    make_services: Callable[..., Services], start_background: StartBackground
) -> None:
    here, there = make_services(), make_services()
    start_background(here)
    await_true(lambda: here.redis.pubsub_numsub(keys.CACHE_INVALIDATE)[0][1] == 1, 5)
    for message in ("hello", "", b"\xff", "1e999", "9" * 10_000):
        there.redis.publish(keys.CACHE_INVALIDATE, message)
    invalidates_within_a_second(here, Person.register(there))


def test_a_cached_board_is_invalidated_after_redis_was_busy_with_a_script(
    stores: Stores, make_services: Callable[..., Services], start_background: StartBackground
) -> None:
    here, there = make_services(), make_services()
    start_background(here)
    await_true(lambda: here.redis.pubsub_numsub(keys.CACHE_INVALIDATE)[0][1] == 1, 5)
    with busy(stores.redis_url):
        # The subscription notices after 10 s without an answer.
        time.sleep(12)
    await_true(lambda: here.redis.pubsub_numsub(keys.CACHE_INVALIDATE)[0][1] == 1, 5)
    await_true(lambda: here.health.check().healthy, 5)
    invalidates_within_a_second(here, Person.register(there))


def invalidates_within_a_second(here: Services, elsewhere: Person) -> None:
    """Assert that a point counted by another process clears the board of this one."""
    here.leaderboard.top()
    score = elsewhere.score().score
    await_true(lambda: [row.score for row in here.leaderboard.top().rows] == [score], 1)
