"""The board: its order, pages and caches; an old board never replaces a new one."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from sqlalchemy import text

from app.contract import keys
from app.contract.standings import Board
from app.leaderboard.board_cache import SharedBoard, SharedReads
from app.leaderboard.index.near_rows import ReadBoard
from app.leaderboard.leaderboard import Leaderboard
from app.leaderboard.rank_index import RankIndex
from app.leaderboard.replica_reads import ReplicaReads
from tests.app.conftest import StartBackground
from tests.support.players import Person
from tests.support.servers import Stores, empty
from tests.support.services import Services
from tests.support.waiting import await_true


def names(board: Board) -> list[tuple[int, str, int]]:
    return [(row.rank, row.display_name, row.score) for row in board.rows]


def pages(services: Services, limit: int) -> Iterator[Board]:
    """All pages of that length, each by the cursor of the page before."""
    board = services.leaderboard.top(limit)
    yield board
    while board.more:
        board = services.leaderboard.page_after(board.order_keys[-1], limit)
        yield board


def pages_up(services: Services, last: Board, limit: int) -> Iterator[Board]:
    """The pages before `last`, the nearest first, each by the first row of the page after."""
    while last.more_before:
        last = services.leaderboard.page_before(last.order_keys[0], limit)
        yield last


def test_equal_scores_share_a_rank_in_the_order_in_which_they_were_reached(
    services: Services,
) -> None:
    ada, ben, cyd, dan = (Person.register(services, n) for n in ("Ada", "Ben", "Cyd", "Dan"))
    for person, points in ((dan, 1), (cyd, 2), (ada, 3), (ben, 2)):
        person.score(points)
    board = services.leaderboard.top()
    assert names(board) == [(1, "Ada", 3), (2, "Cyd", 2), (2, "Ben", 2), (4, "Dan", 1)]
    assert not board.more


def test_players_without_a_point_and_banned_ones_are_not_on_the_board(services: Services) -> None:
    Person.register(services, "Pointless")
    Person.register(services, "Banned").score()
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
        services.reconciler.run_pass()
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
        down = list(pages(services, limit))
        assert [row for page in down for row in names(page)] == expected
        assert list(pages_up(services, down[-1], limit)) == down[-2::-1]
    for index, row in enumerate(ordered):
        person = people[int(row.display_name.removeprefix("Player "))]
        around = services.leaderboard.around(person.user_id, 2)
        assert names(around) == expected[max(0, index - 2) : index + 3]
        assert (around.more_before, around.more) == (index > 2, index < len(expected) - 3)
        assert services.leaderboard.rank_of(row.score) == expected[index][0]


def test_a_player_without_points_has_no_rows_around(services: Services) -> None:
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
        await_true(lambda: names(there.leaderboard.top()) == expected, 3)  # noqa: B023


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


def test_a_cold_cache_costs_one_query_for_any_number_of_readers(
    make_services: Callable[..., Services], queries: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Otherwise a slow query, as on a busy machine, is made again.
    monkeypatch.setattr("app.leaderboard.board_cache.LEASE_WAIT_SECONDS", 10.0)
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


class PausedStore(SharedBoard):
    """Stores a board only when the test says so."""

    def __init__(self, client: redis.Redis) -> None:
        super().__init__(client)
        self.paused, self.go_on = threading.Event(), threading.Event()

    def store(self, names: keys.RankingKeys, read: ReadBoard, lease: str | None) -> bool:
        self.paused.set()
        assert self.go_on.wait(10)
        return super().store(names, read, lease)


def test_a_slow_reader_does_not_store_an_old_board_over_a_new_one(
    make_services: Callable[..., Services], start_background: StartBackground
) -> None:
    """The reader stops between its query and its store; in this time a point is counted."""
    slow, quick = make_services(), make_services()
    start_background(slow)
    person = Person.register(quick, "Ada")
    person.score()
    shared = PausedStore(slow.redis)
    reads = ReplicaReads(slow.database, None, shared)
    index = RankIndex(slow.redis)
    leaderboard = Leaderboard(slow.database, reads, slow.local_board, SharedReads(shared), index)
    with ThreadPoolExecutor(1) as pool:
        old = pool.submit(leaderboard.top)
        assert shared.paused.wait(5)
        cleared, known = slow.local_board.generation, slow.local_board
        version = person.score().board_version or 0
        await_true(lambda: known.generation > cleared and known.highest_version >= version, 5)
        shared.go_on.set()
        assert (names(old.result(5)), slow.redis.exists(keys.BOARD_LEASE)) == ([(1, "Ada", 1)], 0)
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
    # The third point reaches the score of the tenth, but later: still the eleventh row.
    assert late.score().board_version == before
    raised = late.score().board_version
    assert raised is not None
    assert raised > before
    assert services.leaderboard.top(min_version=raised).rows[0].user_id == late.user_id


def test_versions_never_go_back_although_redis_lost_its_data(
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


def test_versions_rise_above_a_version_from_a_clock_that_was_ahead(services: Services) -> None:
    person = Person.register(services)
    person.score()
    ahead = services.leaderboard.top().version.number + 3_600_000
    services.local_board.clear(ahead)
    services.redis.flushall()
    assert services.leaderboard.top().version.number > ahead
    assert (person.score().board_version or 0) > ahead + 1
