"""Boards that are not read cause no work in Redis and PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from app.boards import known_boards
from app.contract import keys
from app.contract.standings import BoardPeriod
from app.leaderboard.index import used_rankings
from tests.support.players import Person
from tests.support.service_acts import act, count
from tests.support.services import Services

pytestmark = pytest.mark.slow

USED, PASSES = 10, 3


def create_boards(services: Services, first: int, end: int) -> list[str]:
    with services.database.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO boards (key, title, better, combine, scored_by, min_points,"
                " max_points, periods, time_zone) SELECT 'board-' || number, 'Board', 'high',"
                " 'sum', 'service', 0, 9, '{all,day}', 'UTC'"
                " FROM generate_series(:first, :last) AS number"
            ),
            {"first": first, "last": end - 1},
        )
    return [f"board-{number}" for number in range(first, end)]


def score_on(services: Services, boards: list[str], player: Person) -> None:
    """One act on each board."""
    for start in range(0, len(boards), 100):
        chunk = tuple(boards[start : start + 100])
        count(services, *(act(player, 1, board) for board in chunk), boards=chunk)


def commands(services: Services) -> Counter[str]:
    """How often each command was called in Redis, also by scripts."""
    found: Any = services.redis.info("commandstats")
    return Counter({name: stats["calls"] for name, stats in found.items()})


def cost(
    services: Services, queries: list[str], used: list[str], player: Person
) -> tuple[Counter[str], Counter[str]]:
    """Commands and statements of some passes, and of reads and acts on the used boards."""

    def use() -> None:
        for board in used:
            services.rankings.top(BoardPeriod(board, "day"))
            services.rankings.own_standings(BoardPeriod(board, "all"), [player.user_id])
        count(services, *(act(player, 1, board) for board in used), boards=tuple(used))
        services.reconciler.run_pass()

    use()
    before = commands(services)
    queries.clear()
    for _ in range(PASSES):
        use()
    return commands(services) - before, Counter(queries)


def test_990_boards_that_are_not_read_cost_nothing(
    make_services: Callable[..., Services], queries: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Otherwise the reads are noted, and the settings of boards read again, every few seconds.
    monkeypatch.setattr(used_rankings, "NOTE_SECONDS", 3600.0)
    monkeypatch.setattr(known_boards, "MAX_AGE_SECONDS", 3600.0)
    services = make_services()
    player = Person.register(services)
    used = create_boards(services, 0, USED)
    cost(services, queries, used, player)
    few = cost(services, queries, used, player)
    idle = create_boards(services, USED, 1_000)
    score_on(services, idle, player)
    not_used_any_more = {f"{board}:all:": 1 for board in idle}
    services.redis.zadd(keys.USED_RANKINGS, not_used_any_more)
    assert cost(services, queries, used, player) == few
    indexes = [name for name in services.redis.keys("*board-*") if str(name).endswith("scores")]
    assert len(indexes) == 2 * USED
