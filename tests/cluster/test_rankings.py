"""Boards whose keys are on different masters of a cluster, one of which is killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import redis

from app.boards.board import BoardSettings
from app.contract import keys
from app.contract.standings import BoardPeriod, Ranking
from tests.cluster import flow
from tests.cluster.groups import MASTERS, Cluster
from tests.support.rank_index import ranking_index_equals_database
from tests.support.servers import DatabaseServer, Stores
from tests.support.service_acts import act_id, count
from tests.support.services import Services, services_in
from tests.support.system.harness import SystemHarness
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, formed_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    stores = Stores(postgres.create(), formed_cluster.url)
    with SystemHarness(stores, tmp_path_factory.mktemp("logs")) as running:
        yield running


def one_on_each_master(cluster: Cluster) -> list[Ranking]:
    """A ranking on each master."""
    found: dict[Any, Ranking] = {}
    number = 0
    while len(found) < MASTERS:
        ranking = Ranking(f"quiz-{number}", "all", None)
        found.setdefault(cluster.master_of(keys.of_ranking(ranking).scores), ranking)
        number += 1
    return list(found.values())


def test_boards_on_all_masters_are_indexed_and_the_loss_of_one_costs_no_act(
    system: SystemHarness, cluster: Cluster
) -> None:
    player = system.register()
    rankings = one_on_each_master(cluster)
    boards = tuple(ranking.board for ranking in rankings)
    with services_in(system.environment()) as services:
        for board in boards:
            services.boards.create(flow.ACT, BoardSettings(board, board, max_points=9))

        def score(points: int) -> list[tuple[str, int]]:
            answers = count(
                services,
                *(
                    {"id": act_id(), "userId": player.user_id, "board": board, "points": points}
                    for board in boards
                ),
                boards=boards,
            )
            return [(answer["status"], answer["score"]) for answer in answers]

        assert score(2) == [("counted", 2)] * MASTERS
        await_true(lambda: all_show(services, rankings, 2), flow.REPAIR_SECONDS)
        cluster.master_of(keys.of_ranking(rankings[-1]).scores).kill()
        assert score(3) == [("counted", 5)] * MASTERS
        await_true(lambda: all_show(services, rankings, 5), flow.RECOVERY_SECONDS)
        assert score(4) == [("counted", 9)] * MASTERS
        await_true(lambda: all_show(services, rankings, 9), flow.RECOVERY_SECONDS)


def all_show(services: Services, rankings: list[Ranking], score: int) -> bool:
    """Whether viewers see the score on each board, and each index equals PostgreSQL."""
    tops = [services.rankings.top(BoardPeriod(each.board, "all")) for each in rankings]
    if any([row.score for row in top.rows] != [score] for top in tops):
        return False
    with suppress(redis.RedisError):
        return ranking_index_equals_database(services, *rankings)
    return False
