"""Repairs of the rank indexes of boards despite long transactions."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest

from app.contract import keys
from app.contract.standings import BoardPeriod, Ranking
from app.leaderboard.rankings import ranking_of
from app.maintenance import ranking_reconciler
from tests.support.players import Person
from tests.support.rank_index import ranking_index_equals_database
from tests.support.servers import Stores
from tests.support.service_acts import act, count, create_board
from tests.support.services import Services

pytestmark = pytest.mark.slow

ALL_TIME = Ranking("quiz", "all", None)
RAISE_SCORES = (
    "UPDATE standings SET score = score + 1, order_score = order_score - 1,"
    " revision = revision + 1, changed_at = clock_timestamp() WHERE user_id = %s"
)


@pytest.mark.parametrize("lost", [False, True])
def test_a_standing_that_commits_long_after_it_was_written_is_repaired(
    services: Services, stores: Stores, monkeypatch: pytest.MonkeyPatch, *, lost: bool
) -> None:
    """As after a stall of the storage. The mark may not pass the start of a transaction."""
    # So that a transaction of milliseconds is longer than the overlap.
    monkeypatch.setattr(ranking_reconciler, "OVERLAP_US", 0)
    board, person = create_board(services, periods=("all", "day")), Person.register(services)
    count(services, act(person, 5))
    services.rankings.top(BoardPeriod("quiz", "day"))
    day = ranking_of(board, services.standings.period(board, "day", None))
    services.reconciler.run_pass()
    with closing(psycopg2.connect(stores.database_url)) as writer:
        writer.cursor().execute(RAISE_SCORES, (person.user_id,))
        if lost:
            services.redis.delete(keys.of_ranking(ALL_TIME).scores)
        for _ in range(3):
            services.reconciler.run_pass()
        writer.commit()
    assert not ranking_index_equals_database(services, ALL_TIME, day)
    services.reconciler.run_pass()
    assert ranking_index_equals_database(services, ALL_TIME, day)
