"""Reveals: the hidden acts are shown step by step, in the order of the shown standings."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import pytest
from sqlalchemy import text

from app.boards.board import BETTER, COMBINE
from app.contest.reveals import Reveals
from app.contract.standings import BoardPeriod, PeriodKind, Ranking, microseconds
from app.ledger import standing_rows
from app.ledger.written_rows import Since
from tests.app.boards.test_clock import database_time, set_times
from tests.app.contest.contest_model import ContestModel, ModelAct
from tests.support.players import Person
from tests.support.service_acts import (
    OPERATOR,
    act,
    count,
    create_board,
    rows,
    zone_at_noon,
)
from tests.support.services import Services

pytestmark = pytest.mark.slow

PLAYERS = 6
QUIZ = BoardPeriod("quiz", "all")
# By seed, with each `better` and `combine`; the first is that of the order.
PERIODS: tuple[tuple[PeriodKind, ...], ...] = (
    ("all", "week"),
    ("day", "all"),
    ("week",),
    ("month", "day"),
    ("day",),
    ("week", "month", "all"),
)
_STATE = (
    "SELECT user_id, period, starts_on, score, order_score, listed, reached_at, reached_action_id"
    " FROM standings WHERE reached_action_id <> 0 ORDER BY 1, 2, 3",
    "SELECT user_id, period, starts_on, score, order_score, listed, reached_at, reached_action_id"
    " FROM hidden_standings WHERE reached_action_id <> 0 ORDER BY 1, 2, 3",
    "SELECT * FROM hidden_acts ORDER BY action_id",
    "SELECT id, hidden FROM compensations ORDER BY id",
    "SELECT board_id, number, kind, acts, standings FROM reveal_steps ORDER BY number",
)


@pytest.fixture
def people(services: Services) -> dict[str, Person]:
    found = [Person.register(services) for _ in range(PLAYERS)]
    return {person.user_id: person for person in found}


def database_rows(services: Services) -> list[Any]:
    """All rows that a reveal changes, without the revisions."""
    with services.database.reading() as connection:
        return [connection.execute(text(query)).all() for query in _STATE]


def play(
    services: Services, model: ContestModel, people: dict[str, Person], chance: random.Random
) -> None:
    """Random acts, of which the later ones are hidden, with ties, corrections and bans."""
    names = [*people]
    for number in range(26):
        if number == 12:
            set_times(services, freezes_at="now")
        hidden = number >= 12
        # The last player has no hidden acts, and so stays.
        player = chance.choice(names[:-1] if hidden else names[2:])
        if hidden and chance.random() < 0.12:
            done = services.moderation.revoke_points(OPERATOR, player, board_key="quiz", since=None)
            if done.done:
                model.acts.append(ModelAct(player, None, hidden=True))
            continue
        points = chance.randrange(-2, 4)
        count(services, act(people[player], points))
        model.acts.append(ModelAct(player, points, hidden))
    if chance.random() < 0.7:
        banned = chance.choice(names)
        services.moderation.ban(OPERATOR, banned)
        model.banned.add(banned)


@pytest.mark.parametrize("seed", range(6))
def test_each_table_of_a_reveal_is_the_one_computed_from_the_acts(
    services: Services, people: dict[str, Person], seed: int
) -> None:
    chance = random.Random(seed)
    better, combine = BETTER[seed % 2], COMBINE[seed % 3]
    board = create_board(
        services,
        better=better,
        combine=combine,
        min_points=-2,
        periods=PERIODS[seed],
        time_zone=zone_at_noon(),
    )
    model = ContestModel(better, combine)
    play(services, model, people, chance)
    history: list[tuple[ContestModel, list[Any]]] = []
    state = services.reveals.state("quiz")
    while True:
        assert rows(services, board) == model.table()
        assert state.remaining == model.remaining()
        assert (state.next and state.next.user_id) == model.next()
        assert services.ledger_check.verify().boards == ()
        if state.next is None:
            break
        if history and chance.random() < 0.3:
            state = services.reveals.undo(OPERATOR, "quiz")
            model, before = history.pop()
            assert database_rows(services) == before
            continue
        history.append((deepcopy(model), database_rows(services)))
        places = {player: (rank, score) for rank, player, score in model.table()}
        kind = chance.choice(("act", "act", "act", "player"))
        player = str(model.next())
        (model.reveal if kind == "act" else model.reveal_player)(player)
        after = {user_id: (rank, score) for rank, user_id, score in model.table()}
        state = services.reveals.reveal(OPERATOR, "quiz", kind, len(history))  # type: ignore[arg-type]
        (move,) = state.moves
        none = (None, None)
        assert (move.from_rank, move.from_score) == places.get(player, none)
        assert (move.to_rank, move.to_score) == after.get(player, none)
        assert [(row.rank, row.user_id, row.score) for row in move.rows] == [
            row for row in model.table() if row in around(model.table(), player)
        ]
    assert state.number == len(history)
    for model, before in reversed(history):
        services.reveals.undo(OPERATOR, "quiz")
        assert database_rows(services) == before
        assert rows(services, board) == model.table()
    last = services.reveals.reveal(OPERATOR, "quiz", "all")
    for hidden in model.acts:
        hidden.hidden = False
    assert (last.remaining, last.next) == (0, None)
    assert rows(services, board) == model.table()
    services.freezes.unfreeze(OPERATOR, "quiz")
    assert rows(services, board) == model.table()
    assert services.ledger_check.verify().boards == ()


def around(table: list[tuple[int, str, int]], player: str) -> list[tuple[int, str, int]]:
    """The player's row with two on each side."""
    found = [index for index, row in enumerate(table) if row[1] == player]
    return table[max(0, found[0] - 2) : found[0] + 3] if found else []


def frozen_quiz(services: Services, people: Iterable[Person]) -> list[str]:
    """A frozen board with two hidden acts of each of three players; their ids."""
    create_board(services, periods=("all", "day"))
    chosen = [*people][:3]
    count(services, *(act(person, 10 + n) for n, person in enumerate(chosen)))
    set_times(services, freezes_at="now")
    for _ in range(2):
        count(services, *(act(person, 100) for person in chosen))
    return [person.user_id for person in chosen]


def test_two_operators_who_press_at_once_reveal_one_step(
    services: Services, people: dict[str, Person]
) -> None:
    frozen_quiz(services, people.values())
    barrier, states = threading.Barrier(2), []

    def press() -> None:
        barrier.wait()
        states.append(services.reveals.reveal(OPERATOR, "quiz", "act", 1))

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(state.number, state.remaining) for state in states] == [(1, 5), (1, 5)]
    assert sorted(len(state.moves) for state in states) == [0, 1]
    # Without a number each call is a step.
    assert services.reveals.reveal(OPERATOR, "quiz", "act").number == 2
    assert services.reveals.undo(OPERATOR, "quiz", 1).number == 2
    assert services.reveals.undo(OPERATOR, "quiz", 2).number == 1


def test_acts_during_the_reveal_of_an_open_board_stay_hidden(
    services: Services, people: dict[str, Person]
) -> None:
    low, *_ = frozen_quiz(services, people.values())
    services.reveals.reveal(OPERATOR, "quiz", "player", 1)
    before = rows(services, services.boards.find("quiz"))
    contest = services.contests.of(services.boards.find("quiz"), "all")
    assert contest.step and contest.step.last.user_id == low
    count(services, act(people[low], 500))
    assert services.contests.of(services.boards.find("quiz"), "all") == contest
    assert rows(services, services.boards.find("quiz")) == before
    state = services.reveals.state("quiz")
    assert state.remaining == 5
    assert services.reveals.undo(OPERATOR, "quiz").remaining == 7
    services.reveals.reveal(OPERATOR, "quiz", "all")
    assert rows(services, services.boards.find("quiz"))[0] == (1, low, 710)
    assert services.ledger_check.verify().boards == ()


def test_a_step_that_was_not_published_is_found_by_the_reconciler(
    services: Services, people: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen_quiz(services, people.values())
    before = database_time(services)
    # The process is killed after the commit.
    monkeypatch.setattr(Reveals, "_publish", lambda *_: None)
    (move,) = services.reveals.reveal(OPERATOR, "quiz", "act").moves
    rankings = [Ranking("quiz", "all", None)]
    since = Since(microseconds(before))
    with services.database.reading() as connection:
        (found,) = standing_rows.changed_since(connection, since, rankings)
    assert [(each.change.user_id, each.change.score) for each in found] == [
        (move.user_id, move.to_score)
    ]
    assert services.reveals.state("quiz").number == 1


def test_a_banned_player_is_revealed_only_after_the_ban(
    services: Services, people: dict[str, Person]
) -> None:
    low, middle, _ = frozen_quiz(services, people.values())
    services.reveals.reveal(OPERATOR, "quiz", "act")
    services.moderation.ban(OPERATOR, middle)
    state = services.reveals.reveal(OPERATOR, "quiz", "all", 2)
    assert {move.user_id for move in state.moves} == {low, [*people][2]}
    assert (state.remaining, state.next) == (0, None)
    services.moderation.unban(OPERATOR, middle)
    state = services.reveals.state("quiz")
    assert (state.remaining, state.next and state.next.user_id) == (2, middle)
    services.moderation.ban(OPERATOR, low)
    assert services.reveals.undo(OPERATOR, "quiz").number == 1
    # The ban holds, and the first step of the banned player is still shown when it ends.
    assert low not in {user_id for _, user_id, _ in rows(services, services.boards.find("quiz"))}
    services.moderation.unban(OPERATOR, low)
    assert rows(services, services.boards.find("quiz"))[0] == (1, low, 110)
    assert services.ledger_check.verify().boards == ()
