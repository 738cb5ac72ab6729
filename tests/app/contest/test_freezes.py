"""Freezes: acts are counted and hidden, and shown as if they had never been hidden."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.boards.board import BETTER, COMBINE, Better, Combine
from app.contract.errors import ValidationFailed
from tests.app.boards.test_clock import database_time, set_times
from tests.support.players import Person
from tests.support.service_acts import (
    OPERATOR,
    act,
    act_id,
    count,
    create_board,
    rows,
    statuses,
)
from tests.support.services import Services

pytestmark = pytest.mark.slow

FREEZE = {"freezes_at": "now"}


@pytest.fixture
def people(services: Services) -> list[Person]:
    return [Person.register(services) for _ in range(4)]


def own(services: Services, person: Person) -> set[tuple[int, int | None]]:
    """(score, rank) of a player in each period, as the player sees them."""
    return {(each.score, each.rank) for each in services.standings.of_user(person.user_id)}


def test_an_act_in_the_freeze_is_counted_and_not_shown(services: Services) -> None:
    board = create_board(services, periods=("all", "day"))
    ada, bob = Person.register(services), Person.register(services)
    count(services, act(ada, 10), act(bob, 20))
    shown = rows(services, board)
    set_times(services, **FREEZE)
    assert services.boards.find("quiz").state == "frozen"
    hidden = act(ada, 30)
    # Neither the score nor the rank is in the answer, nor in that to a repetition.
    assert count(services, hidden) == [{"id": hidden["id"], "status": "counted"}]
    assert count(services, hidden) == [{"id": hidden["id"], "status": "repeated"}]
    assert statuses(services, hidden | {"points": 31}) == ["conflict"]
    assert rows(services, board) == shown
    assert services.ledger_check.verify().sound
    services.freezes.unfreeze(OPERATOR, "quiz")
    assert rows(services, board) == [(1, ada.user_id, 40), (2, bob.user_id, 20)]
    assert count(services, hidden)[0]["score"] == 40
    assert services.ledger_check.verify().sound


def test_players_see_their_own_score_without_a_rank(services: Services) -> None:
    create_board(services, periods=("all", "day"))
    ada, bob, eve = (Person.register(services) for _ in range(3))
    count(services, act(ada, 10), act(bob, 20))
    set_times(services, **FREEZE)
    count(services, act(ada, 30), act(eve, 5))
    for person, score, rank in ((ada, 40, None), (bob, 20, 1), (eve, 5, None)):
        found = services.standings.of_user(person.user_id)
        assert {(each.score, each.rank, each.players) for each in found} == {(score, rank, 2)}
        assert len(found) == 2


def test_acts_of_an_unfrozen_board_are_shown_until_it_freezes_again(services: Services) -> None:
    board = create_board(services)
    ada = Person.register(services)
    set_times(services, **FREEZE)
    count(services, act(ada, 1))
    assert services.freezes.unfreeze(OPERATOR, "quiz").state == "open"
    assert services.freezes.unfreeze(OPERATOR, "quiz").state == "open"
    count(services, act(ada, 2))
    assert rows(services, board) == [(1, ada.user_id, 3)]
    set_times(services, **FREEZE)
    assert services.boards.find("quiz").state == "frozen"
    count(services, act(ada, 4))
    assert rows(services, board) == [(1, ada.user_id, 3)]
    set_times(services, closes_at="now")
    assert services.freezes.unfreeze(OPERATOR, "quiz").state == "closed"
    assert rows(services, board) == [(1, ada.user_id, 7)]
    assert services.ledger_check.verify().sound


def test_a_freeze_that_has_begun_ends_only_by_unfreezing(services: Services) -> None:
    create_board(services)
    now = database_time(services)
    open_board = services.freezes.unfreeze(OPERATOR, "quiz")
    assert (open_board.state, open_board.clock.thawed_at) == ("open", None)
    set_times(services, **FREEZE)
    for times in ({"freezes_at": None}, {"freezes_at": now.replace(year=2036)}):
        with pytest.raises(ValidationFailed, match="unfreeze it first"):
            set_times(services, **times)
    with pytest.raises(ValidationFailed, match="Not in the past"):
        create_board(services, "other")
        set_times(services, "other", freezes_at=now)


def test_boards_that_players_score_on_do_not_freeze(services: Services) -> None:
    settings: Any = {"scored_by": "players", "min_points": 1, "max_points": 1}
    create_board(services, "arena", **settings)
    with pytest.raises(ValidationFailed, match="Only a board that a service scores on"):
        set_times(services, "arena", **FREEZE)


def test_points_taken_back_in_the_freeze_are_hidden_too(services: Services) -> None:
    board = create_board(services, periods=("all", "day"))
    ada, bob = Person.register(services), Person.register(services)
    count(services, act(ada, 10), act(bob, 8))
    now = database_time(services)
    count(services, act(ada, 20))
    set_times(services, **FREEZE)
    count(services, act(ada, 40))
    shown = rows(services, board)
    assert shown[0] == (1, ada.user_id, 30)
    taken = services.moderation.revoke_points(OPERATOR, ada.user_id, board_key="quiz", since=now)
    assert taken.done
    assert rows(services, board) == shown
    assert own(services, ada) == {(10, None)}
    assert services.ledger_check.verify().sound
    services.moderation.revoke_points(OPERATOR, ada.user_id, board_key="quiz", since=None)
    assert rows(services, board) == shown
    assert services.ledger_check.verify().sound
    count(services, act(ada, 3))
    assert own(services, ada) == {(3, None)}
    services.freezes.unfreeze(OPERATOR, "quiz")
    assert rows(services, board) == [(1, bob.user_id, 8), (2, ada.user_id, 3)]
    assert services.ledger_check.verify().sound


def test_bans_in_the_freeze_are_shown_and_kept_when_the_acts_are(services: Services) -> None:
    board = create_board(services)
    ada, bob, eve = (Person.register(services) for _ in range(3))
    count(services, act(ada, 10), act(bob, 20))
    set_times(services, **FREEZE)
    count(services, act(ada, 30), act(eve, 40))
    services.moderation.ban(OPERATOR, ada.user_id)
    assert rows(services, board) == [(1, bob.user_id, 20)]
    services.freezes.unfreeze(OPERATOR, "quiz")
    assert rows(services, board) == [(1, eve.user_id, 40), (2, bob.user_id, 20)]
    services.moderation.unban(OPERATOR, ada.user_id)
    assert rows(services, board)[0] == (1, ada.user_id, 40)
    assert services.ledger_check.verify().sound


def test_a_player_who_is_unbanned_in_the_freeze_is_shown_with_the_acts(services: Services) -> None:
    board = create_board(services)
    ada = Person.register(services)
    count(services, act(ada, 10))
    now = database_time(services)
    count(services, act(ada, 20))
    set_times(services, **FREEZE)
    services.moderation.ban(OPERATOR, ada.user_id)
    services.moderation.revoke_points(OPERATOR, ada.user_id, board_key="quiz", since=now)
    services.moderation.unban(OPERATOR, ada.user_id)
    assert rows(services, board) == [(1, ada.user_id, 30)]
    services.freezes.unfreeze(OPERATOR, "quiz")
    assert rows(services, board) == [(1, ada.user_id, 10)]


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    better=st.sampled_from(BETTER),
    combine=st.sampled_from(COMBINE),
    acts=st.lists(st.tuples(st.integers(0, 3), st.integers(-3, 5)), max_size=14),
    frozen_from=st.integers(0, 14),
)
def test_standings_after_a_freeze_are_those_without_a_freeze(
    services: Services,
    people: list[Person],
    better: Better,
    combine: Combine,
    acts: list[tuple[int, int]],
    frozen_from: int,
) -> None:
    """The same acts on two boards of which one freezes in the middle."""
    keys = [f"{name}-{act_id()}" for name in ("frozen", "plain")]
    boards = [
        create_board(
            services, key, better=better, combine=combine, min_points=-3, max_points=5,
            periods=("all", "week"),
        )
        for key in keys
    ]  # fmt: skip
    shown: list[tuple[int, str, int]] | None = None
    for number, (player, points) in enumerate(acts):
        if number == frozen_from:
            set_times(services, keys[0], **FREEZE)
            shown = rows(services, boards[0])
        for key in keys:
            count(services, act(people[player], points, key), boards=tuple(keys))
    if shown is not None:
        assert rows(services, boards[0]) == shown
        assert services.ledger_check.verify().boards == ()
        real = services.freezes.real_standings(
            boards[0], services.standings.period(boards[0], None, None), 100
        )
        assert [(row.rank, row.user_id, row.score) for row in real] == rows(services, boards[1])
        services.freezes.unfreeze(OPERATOR, keys[0])
    assert rows(services, boards[0]) == rows(services, boards[1])
    assert services.ledger_check.verify().boards == ()
