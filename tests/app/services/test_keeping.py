"""Who makes the passes over the rank index, and what a pass leaves out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.background import Background
from app.composition import Services
from app.contract import keys
from app.stores import rank_index
from app.stores.ledger import Change
from app.stores.rank_index import RankIndex
from tests.app.conftest import StartBackground
from tests.app.index import count_without_placing, index_equals_database
from tests.app.people import Person
from tests.awaiting import await_true

pytestmark = pytest.mark.slow


def test_only_one_process_keeps_the_index_at_a_time(
    make_services: Callable[..., Services],
) -> None:
    here, there = make_services(), make_services()
    held = here.index_keeper._index.become_keeper()
    assert held is not None
    there.index_keeper.keep()
    assert here.redis.exists(keys.INDEX_COMPLETE_UNTIL) == 0
    here.index_keeper._index.resign(held)
    there.index_keeper.keep()
    assert here.redis.exists(keys.INDEX_COMPLETE_UNTIL) == 1


def test_a_pass_leaves_out_what_the_pass_before_placed(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed: list[str] = []
    place = RankIndex.place

    def note(index: RankIndex, changes: list[Change], seen: int, **options: Any) -> Any:
        placed.extend(change.user_id for change in changes)
        return place(index, changes, seen, **options)

    ada, ben = Person.register(services), Person.register(services)
    services.index_keeper.keep()
    ada.score()
    services.index_keeper.keep()
    monkeypatch.setattr(RankIndex, "place", note)
    services.index_keeper.keep()
    assert placed == []
    count_without_placing(services, ben)
    services.index_keeper.keep()
    assert placed == [ben.user_id]
    count_without_placing(services, ben)
    services.index_keeper.keep()
    assert placed == [ben.user_id] * 2
    assert index_equals_database(services)


def test_what_redis_lost_of_the_last_passes_is_placed_again(services: Services) -> None:
    services.index_keeper.keep()
    older = services.redis.get(keys.INDEX_COMPLETE_UNTIL)
    person = Person.register(services)
    person.score()
    services.index_keeper.keep()
    # As after a restart from a snapshot that is some seconds old.
    services.redis.zrem(keys.INDEX_SCORES, person.user_id)
    services.redis.hdel(keys.INDEX_REVISIONS, person.user_id)
    services.redis.set(keys.INDEX_COMPLETE_UNTIL, str(older))
    services.index_keeper.keep()
    assert index_equals_database(services)


def test_one_process_makes_all_passes_while_it_is_there(
    make_services: Callable[..., Services],
    start_background: StartBackground,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # However late the machine lets it come.
    monkeypatch.setattr(rank_index, "KEPT_MS", 60_000)
    here, there = make_services(), make_services()
    start_background(here)
    mine = here.index_keeper._index._keeper
    await_true(lambda: here.redis.get(keys.INDEX_KEPT) == mine, 5)
    start_background(there)
    marks, keepers = set(), set()

    def three_passes_later() -> bool:
        marks.add(here.redis.get(keys.INDEX_COMPLETE_UNTIL))
        keepers.add(here.redis.get(keys.INDEX_KEPT))
        return len(marks) > 3

    await_true(three_passes_later, 20)
    assert keepers == {mine}


def test_another_process_goes_on_within_five_seconds_when_it_is_gone(
    make_services: Callable[..., Services], start_background: StartBackground
) -> None:
    here, there = make_services(), make_services()
    gone = Background(here)
    gone.start()
    await_true(lambda: here.redis.get(keys.INDEX_KEPT) is not None, 5)
    gone.stop()
    count_without_placing(here, Person.register(here))
    start_background(there)
    await_true(lambda: index_equals_database(there), 5)
    theirs = there.index_keeper._index._keeper
    await_true(lambda: there.redis.get(keys.INDEX_KEPT) == theirs, 1)
