"""Keys of ours that another client of Redis wrote with another type, or without an end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis
from prometheus_client import REGISTRY

from app.boards.board import Board
from app.contract import keys
from app.contract.standings import BoardPeriod, Ranking
from tests.app.conftest import StartBackground
from tests.support.players import PASSWORD, Person
from tests.support.rank_index import (
    index_equals_database,
    is_indexed,
    ranking_index_equals_database,
)
from tests.support.service_acts import OPERATOR, act, count, create_board
from tests.support.services import Services
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

QUIZ, ALL_TIME = BoardPeriod("quiz", "all"), Ranking("quiz", "all", None)
FIELDS = (
    "cached_board",
    "version",
    "last_board",
    "board_lease",
    "scores",
    "revisions",
    "complete_until",
    "reconciler_lease",
)
NAMES = {
    "last reconciler": keys.LAST_RECONCILER,
    **{f"{name} of main": getattr(keys.MAIN_KEYS, name) for name in FIELDS},
    **{f"{name} of a board": getattr(keys.of_ranking(ALL_TIME), name) for name in FIELDS},
}
Write = Callable[[redis.Redis, str], object]
WRITES: dict[str, Write] = {
    "a list": lambda client, name: client.rpush(name, "foreign"),
    "a string": lambda client, name: client.set(name, "foreign"),
    "a string with an end": lambda client, name: client.set(name, "foreign", ex=86_400),
}


@pytest.fixture
def board(services: Services) -> Board:
    return create_board(services)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_the_boards_stay_live_and_are_repaired_by_the_next_passes(
    services: Services, board: Board, write: Write
) -> None:
    person = Person.register(services)
    for number, (title, name) in enumerate(NAMES.items(), 1):
        services.rankings.top(QUIZ)
        services.reconciler.run_pass()
        before = services.redis.get(keys.INDEX_COMPLETE_UNTIL)
        services.redis.delete(name)
        write(services.redis, name)
        # Without an answer of Redis the point is counted and published later.
        assert person.score().score == number, title
        count(services, act(person, 1))
        make_three_passes(services)
        assert index_equals_database(services), title
        assert ranking_index_equals_database(services, ALL_TIME), title
        assert services.redis.get(keys.INDEX_COMPLETE_UNTIL) != before, title
        services.local_board.clear()
        for top in (services.leaderboard.top(), services.rankings.top(QUIZ)):
            assert [row.score for row in top.rows] == [number], title


def make_three_passes(services: Services) -> None:
    """What the background thread of a process does in some seconds."""
    for _ in range(3):
        services.rankings.top(QUIZ)
        if services.reconciler.is_due():
            services.reconciler.run_pass()
        services.reconciler.retry_failed()


USER_KEYS: dict[str, Callable[[Person], str]] = {
    "session": lambda person: keys.session(person.user_id, person.identity.session_id),
    "account": lambda person: keys.account(person.user_id),
    "attempts": lambda person: keys.attempts(person.user_id, "token"),
    "attempt times": lambda person: keys.attempt_times(person.user_id, "token"),
    "charges": lambda person: keys.charges(person.user_id, "token"),
    "repeats": lambda person: keys.repeats(person.user_id),
}


def test_a_player_scores_and_a_ban_is_published(services: Services) -> None:
    person = Person.register(services)
    for number, (title, name_of) in enumerate(USER_KEYS.items(), 1):
        write_foreign(services, name_of(person))
        assert person.score().score == number, title
    write_foreign(services, keys.account(person.user_id))
    assert services.moderation.ban(OPERATOR, person.user_id).published


def write_foreign(services: Services, *names: str) -> None:
    """Replace the keys by streams, which no key of ours is."""
    for name in names:
        services.redis.delete(name)
        services.redis.xadd(name, {"foreign": "x"})


def test_a_login_is_admitted(services: Services) -> None:
    person = Person.register(services)
    write_foreign(services, *map(str, services.redis.keys("login:*")))
    assert services.accounts.log_in(person.username, PASSWORD, "").user.id == person.user_id


def test_a_viewer_is_authenticated(services: Services) -> None:
    person = Person.register(services)
    write_foreign(services, *map(str, services.redis.keys("*:{" + person.user_id + "}*")))
    services.viewer_authentication.verify(person.identity, require_redis=True)


def dropped_keys() -> float:
    """The counter in /metrics of this process."""
    return REGISTRY.get_sample_value("scoreboard_redis_keys_dropped_total") or 0.0


def test_the_background_work_continues_and_dropped_keys_are_counted(
    services: Services, board: Board, start_background: StartBackground
) -> None:
    count(services, act(Person.register(services), 5))
    services.rankings.top(QUIZ)
    before = dropped_keys()
    services.redis.set(keys.USED_RANKINGS, "foreign")
    services.redis.set(keys.RECONCILER_LEASE, "foreign")
    services.redis.set(keys.LAST_RECONCILER, "foreign")
    start_background(services)
    await_true(lambda: index_equals_database(services), 10)
    # A process notes a read of the board every 5 s.
    await_true(lambda: services.rankings.top(QUIZ) and is_indexed(services, ALL_TIME), 15)
    await_true(lambda: dropped_keys() == before + 1, 10)
