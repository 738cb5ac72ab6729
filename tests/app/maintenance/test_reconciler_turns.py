"""Which process makes the passes over the rank index, and which changes a pass leaves out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.composition.api import build_background
from app.contract import keys
from app.leaderboard.index import index_rebuild
from app.leaderboard.index.index_changes import AppliedBatch, IndexChanges, RankingChanges
from app.leaderboard.index.index_rebuild import IndexRebuild
from tests.app.conftest import StartBackground
from tests.support.players import Person
from tests.support.rank_index import index_equals_database, record_unpublished_point
from tests.support.services import Services
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow


def test_only_one_process_makes_a_pass_at_a_time(services: Services) -> None:
    lease = IndexRebuild(services.redis).reconciler_lease
    assert lease.acquire("another process")
    services.reconciler.run_pass()
    assert services.redis.exists(keys.INDEX_COMPLETE_UNTIL) == 0
    lease.release("another process")
    services.reconciler.run_pass()
    assert services.redis.exists(keys.INDEX_COMPLETE_UNTIL) == 1


def test_a_pass_leaves_out_the_changes_that_the_last_pass_published(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied: list[str] = []
    apply = IndexChanges.apply

    def record(index: IndexChanges, batch: list[RankingChanges], **options: Any) -> AppliedBatch:
        applied.extend(change.user_id for each in batch for change in each.changes)
        return apply(index, batch, **options)

    ada, ben = Person.register(services), Person.register(services)
    services.reconciler.run_pass()
    ada.score()
    services.reconciler.run_pass()
    monkeypatch.setattr(IndexChanges, "apply", record)
    services.reconciler.run_pass()
    assert applied == []
    record_unpublished_point(services, ben)
    services.reconciler.run_pass()
    assert applied == [ben.user_id]
    record_unpublished_point(services, ben)
    services.reconciler.run_pass()
    assert applied == [ben.user_id] * 2
    assert index_equals_database(services)


def test_changes_of_the_last_passes_that_redis_lost_are_published_again(
    services: Services,
) -> None:
    services.reconciler.run_pass()
    older = services.redis.get(keys.INDEX_COMPLETE_UNTIL)
    person = Person.register(services)
    person.score()
    services.reconciler.run_pass()
    # As after a restart from a snapshot that is some seconds old.
    services.redis.zrem(keys.INDEX_SCORES, person.user_id)
    services.redis.hdel(keys.INDEX_REVISIONS, person.user_id)
    services.redis.set(keys.INDEX_COMPLETE_UNTIL, str(older))
    services.reconciler.run_pass()
    assert index_equals_database(services)


def test_the_same_process_makes_all_passes_while_it_runs(
    make_services: Callable[..., Services],
    start_background: StartBackground,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Long enough for a pass that comes late on a busy machine.
    monkeypatch.setattr(index_rebuild, "LAST_RECONCILER_MS", 60_000)
    here, there = make_services(), make_services()
    start_background(here)
    token = here.reconciler.token
    await_true(lambda: here.redis.get(keys.LAST_RECONCILER) == token, 20)
    start_background(there)
    marks, reconcilers = set(), set()

    def three_passes_later() -> bool:
        marks.add(here.redis.get(keys.INDEX_COMPLETE_UNTIL))
        reconcilers.add(here.redis.get(keys.LAST_RECONCILER))
        return len(marks) > 3

    await_true(three_passes_later, 20)
    assert reconcilers == {token}


def test_another_process_takes_over_within_five_seconds(
    make_services: Callable[..., Services], start_background: StartBackground
) -> None:
    here, there = make_services(), make_services()
    stopped = build_background(here)
    stopped.start()
    await_true(lambda: here.redis.get(keys.LAST_RECONCILER) is not None, 20)
    stopped.stop()
    record_unpublished_point(here, Person.register(here))
    start_background(there)
    await_true(lambda: index_equals_database(there), 5)
    await_true(lambda: there.redis.get(keys.LAST_RECONCILER) == there.reconciler.token, 5)
