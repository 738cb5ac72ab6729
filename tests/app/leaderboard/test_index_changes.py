"""One act that changes several rankings is applied to all of them in one call."""

from __future__ import annotations

from datetime import date

from app.contract import keys
from app.contract.standings import MAIN_RANKING, Ranking
from app.leaderboard.index.index_changes import IndexChanges, RankingChanges
from app.ledger.action_rows import StandingChange
from tests.support.players import Person
from tests.support.services import Services

TODAY = Ranking("main", "day", date(2026, 11, 29))


def change(user_id: str, score: int) -> StandingChange:
    return StandingChange(user_id, score, revision=9, reached_at=1, changed_at=1, listed=True)


def test_an_act_gets_the_rank_of_its_first_ranking_and_changes_the_others(
    services: Services,
) -> None:
    leader = Person.register(services)
    leader.score(3)
    services.reconciler.run_pass()
    user = Person.register(services).user_id
    index = IndexChanges(services.redis)
    main = RankingChanges(MAIN_RANKING, [change(user, 2)], 0)
    today = RankingChanges(TODAY, [change(user, 1)], 0)
    point = index.apply_point([main, today])
    assert point.rank == 2
    assert [result.ranking for result in point.results] == [MAIN_RANKING, TODAY]
    assert point.batch == point.results[0]
    assert services.redis.zscore(keys.INDEX_SCORES, user) == 2
    # Nobody reads this day, so it has a version but no index.
    assert point.results[1].version_raised
    assert services.redis.exists(keys.of_ranking(TODAY).version) == 1
    assert services.redis.exists(keys.of_ranking(TODAY).scores) == 0
    # The rank in an incomplete index is not known.
    assert index.apply_point([today, main]).rank is None


def test_a_version_is_higher_than_those_that_any_caller_of_the_batch_has_seen(
    services: Services,
) -> None:
    user = Person.register(services).user_id
    index = IndexChanges(services.redis)
    ahead = int(index.apply([RankingChanges(TODAY, [], 0)]).results[0].version) + 60_000
    point = index.apply_point([RankingChanges(TODAY, [change(user, 1)], ahead)])
    assert point.batch.version > ahead
