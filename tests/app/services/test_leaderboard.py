"""The board: its order, its pages, its caches, and that an old one never replaces a new one."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from app.composition import Services
from app.contract import keys
from app.contract.standings import Board, Position
from tests.app.conftest import StartBackground
from tests.app.people import Person
from tests.awaiting import await_true
from tests.servers import Stores, empty


def names(board: Board) -> list[tuple[int, str, int]]:
    return [(row.rank, row.display_name, row.score) for row in board.rows]


def pages(services: Services, limit: int) -> Iterator[Board]:
    """All pages of that length, by the cursor of each."""
    board = services.leaderboard.top(limit)
    yield board
    while board.more:
        after: Position = board.positions[-1]
        board = services.leaderboard.page(after, limit)
        yield board


def test_equals_share_a_rank_and_stand_in_the_order_they_got_there(services: Services) -> None:
    ada, ben, cyd, dan = (Person.register(services, n) for n in ("Ada", "Ben", "Cyd", "Dan"))
    for person, points in ((dan, 1), (cyd, 2), (ada, 3), (ben, 2)):
        person.score(points)
    board = services.leaderboard.top()
    assert names(board) == [(1, "Ada", 3), (2, "Cyd", 2), (2, "Ben", 2), (4, "Dan", 1)]
    assert not board.more


def test_players_without_a_point_and_banned_ones_are_not_on_the_board(services: Services) -> None:
    Person.register(services, "Nobody")
    banned = Person.register(services, "Banned")
    banned.score()
    with services.database.transaction() as connection:
        connection.execute(text("UPDATE users SET status = 'banned'"))
    services.redis.delete(keys.CACHED_BOARD)
    services.local_board.clear()
    assert names(services.leaderboard.top()) == []


@pytest.mark.parametrize("whole", [True, False], ids=["index whole", "ranks counted in SQL"])
def test_pages_of_any_length_show_what_a_sort_of_all_players_shows(
    services: Services, stores: Stores, whole: bool
) -> None:
    chance = random.Random(7)
    people = [Person.register(services, f"Player {number}") for number in range(23)]
    for _ in range(70):
        chance.choice(people).score()
    empty(stores.redis_url)
    if whole:
        services.index_keeper.keep()
    with services.database.reading() as connection:
        rows = connection.execute(
            text("SELECT display_name, score, reached_at FROM users WHERE score > 0")
        ).all()
    ordered = sorted(rows, key=lambda row: (-row.score, row.reached_at))
    expected = [
        (1 + sum(other.score > row.score for other in rows), row.display_name, row.score)
        for row in ordered
    ]
    for limit in (1, 2, 3, 7, 10, 11, 100):
        assert [row for page in pages(services, limit) for row in names(page)] == expected
    for place, row in enumerate(ordered):
        person = next(p for p in people if p_name(p, services) == row.display_name)
        around = services.leaderboard.around(person.user_id, 2)
        assert names(around) == expected[max(0, place - 2) : place + 3]
        assert services.leaderboard.rank_of(row.score) == expected[place][0]


def p_name(person: Person, services: Services) -> str:
    return services.accounts.find(person.user_id).display_name


def test_who_has_no_point_has_nobody_around(services: Services) -> None:
    Person.register(services).score()
    assert services.leaderboard.around(Person.register(services).user_id, 2).rows == ()


def test_a_point_is_on_the_next_board_read_in_any_process(
    make_services: Callable[..., Services], start_background: StartBackground
) -> None:
    here, there = make_services(), make_services()
    start_background(there)
    person = Person.register(here, "Ada")
    for _ in range(20):
        outcome = person.score()
        expected, version = [(1, "Ada", outcome.score)], outcome.board_version or 0
        assert names(here.leaderboard.top()) == expected
        assert names(there.leaderboard.top(min_version=version)) == expected
        await_true(lambda: names(there.leaderboard.top()) == expected, 1)  # noqa: B023


def test_boards_come_from_memory_then_redis_then_postgresql(
    make_services: Callable[..., Services], queries: list[str]
) -> None:
    here, there = make_services(), make_services()
    Person.register(here, "Ada").score()
    queries.clear()
    expected = [(1, "Ada", 1)]
    assert names(here.leaderboard.top()) == expected
    assert len(queries) == 1
    assert names(here.leaderboard.top()) == expected
    assert names(there.leaderboard.top()) == expected
    assert len(queries) == 1
    assert here.redis.get(keys.CACHED_BOARD) is not None
    assert 0 < here.redis.pttl(keys.CACHED_BOARD) <= 5000


def test_a_cold_cache_costs_one_query_however_many_ask(
    make_services: Callable[..., Services], queries: list[str]
) -> None:
    processes = [make_services() for _ in range(3)]
    Person.register(processes[0], "Ada").score()
    for services in processes:
        services.local_board.clear()
        services.redis.ping()
    queries.clear()
    barrier = threading.Barrier(24)

    def read(number: int) -> list[tuple[int, str, int]]:
        barrier.wait()
        return names(processes[number % 3].leaderboard.top())

    with ThreadPoolExecutor(24) as pool:
        assert list(pool.map(read, range(24))) == [[(1, "Ada", 1)]] * 24
    assert len([query for query in queries if "FROM users" in query]) == 1


def test_a_slow_reader_does_not_store_an_old_board_over_a_new_one(
    make_services: Callable[..., Services],
    monkeypatch: pytest.MonkeyPatch,
    start_background: StartBackground,
) -> None:
    """The reader is held between its query and its store; a point is counted meanwhile."""
    slow, quick = make_services(), make_services()
    start_background(slow)
    person = Person.register(quick, "Ada")
    person.score()
    held, let_go = threading.Event(), threading.Event()
    store = slow.leaderboard._shared.store

    def store_late(board: Board) -> bool:
        held.set()
        assert let_go.wait(5)
        return store(board)

    monkeypatch.setattr(slow.leaderboard._shared, "store", store_late)
    with ThreadPoolExecutor(1) as pool:
        old = pool.submit(slow.leaderboard.top)
        assert held.wait(5)
        version = person.score().board_version or 0
        await_true(lambda: slow.local_board.highest_version >= version, 1)
        let_go.set()
        assert names(old.result(5)) == [(1, "Ada", 1)]
    for services in (slow, quick):
        board = services.leaderboard.top()
        assert names(board) == [(1, "Ada", 2)]
        assert board.version.number >= version


def test_a_process_clears_its_memory_whenever_its_subscription_is_renewed(
    make_services: Callable[..., Services], start_background: StartBackground
) -> None:
    services = make_services()
    Person.register(services, "Ada").score()
    services.leaderboard.top()
    assert services.local_board.get(0) is not None
    start_background(services)
    await_true(lambda: services.local_board.get(0) is None, 2)
    services.leaderboard.top()
    for client in services.redis.client_list("pubsub"):
        services.redis.client_kill_filter(_id=client["id"])
    await_true(lambda: services.local_board.get(0) is None, 2)


def test_a_change_below_the_top_ten_raises_no_version(services: Services) -> None:
    leaders = [Person.register(services) for _ in range(10)]
    for person in leaders:
        person.score(3)
    late = Person.register(services)
    before = services.leaderboard.top().version.number
    assert late.score(2).board_version == before
    # The third point equals the tenth's score, later: still the eleventh place.
    assert late.score().board_version == before
    raised = late.score().board_version
    assert raised is not None
    assert raised > before
    assert services.leaderboard.top(min_version=raised).rows[0].user_id == late.user_id


def test_versions_never_go_back_though_redis_lost_everything(
    services: Services, stores: Stores
) -> None:
    person = Person.register(services)
    seen = 0
    for round_number in range(6):
        version = person.score().board_version or 0
        assert version > seen
        seen = services.leaderboard.top(min_version=version).version.number
        assert seen >= version
        if round_number % 2:
            empty(stores.redis_url)
            seen_after_loss = services.leaderboard.top().version.number
            assert seen_after_loss >= seen


def test_a_version_of_a_clock_that_ran_ahead_is_not_undercut(services: Services) -> None:
    person = Person.register(services)
    person.score()
    ahead = services.leaderboard.top().version.number + 3_600_000
    services.local_board.clear(ahead)
    services.redis.flushall()
    assert services.leaderboard.top().version.number > ahead
    assert (person.score().board_version or 0) > ahead + 1
