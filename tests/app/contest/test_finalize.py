"""Finalizing: a closed board stays as it is, except for acts that are still to be revealed."""

from __future__ import annotations

import itertools

import pytest

from app.contest.reveal_rows import STEPS
from app.contract.errors import BoardNotFinished, ValidationFailed
from tests.app.boards.test_clock import set_times
from tests.app.contest.test_reveals import frozen_quiz
from tests.support.players import Person
from tests.support.service_acts import OPERATOR, act, count, create_board, rows
from tests.support.services import Services

pytestmark = pytest.mark.slow


def test_a_completed_reveal_ends_when_the_board_becomes_final(
    services: Services,
) -> None:
    people = {person.user_id: person for person in (Person.register(services) for _ in range(3))}
    low, middle, high = frozen_quiz(services, people.values())
    with pytest.raises(BoardNotFinished, match="not closed"):
        services.reveals.finalize(OPERATOR, "quiz")
    set_times(services, closes_at="now")
    services.moderation.ban(OPERATOR, high)
    assert services.reveals.reveal(OPERATOR, "quiz", "all").remaining == 0
    final = services.reveals.finalize(OPERATOR, "quiz")
    assert (final.state, final.clock.thawed_at is None) == ("final", False)
    assert services.reveals.finalize(OPERATOR, "quiz").clock == final.clock
    assert services.freezes.unfreeze(OPERATOR, "quiz").state == "final"
    assert services.reveals.undo(OPERATOR, "quiz").number == 1
    assert count(services, act(people[low], 1))[0]["status"] == "not_open"
    with pytest.raises(ValidationFailed, match="closesAt: The board is final"):
        set_times(services, closes_at=None)
    services.moderation.unban(OPERATOR, high)
    assert rows(services, final) == [(1, high, 212), (2, middle, 211), (3, low, 210)]
    audited = [entry.act for entry in services.moderation_reads.audit(limit=20)]
    assert audited.count("finalize-board") == audited.count("reveal") == 1


def test_a_board_that_never_froze_becomes_final(services: Services) -> None:
    create_board(services)
    assert services.reveals.reveal(OPERATOR, "quiz", STEPS[0]).number == 0
    assert services.reveals.undo(OPERATOR, "quiz").number == 0
    set_times(services, closes_at="now")
    final = services.reveals.finalize(OPERATOR, "quiz")
    assert (final.state, final.clock.thawed_at) == ("final", None)
    with pytest.raises(BoardNotFinished):
        services.reveals.finalize(OPERATOR, "main")


@pytest.mark.parametrize("order", [*itertools.permutations(("reveal", "unfreeze", "finalize"))])
def test_unfreezing_and_finalizing_do_not_depend_on_each_other(
    services: Services, order: tuple[str, ...]
) -> None:
    """Whichever comes first, every call answers with the state, and the result is the same."""
    people = [Person.register(services) for _ in range(3)]
    frozen_quiz(services, people)
    set_times(services, closes_at="now")
    called = set()
    for name in order * 2:
        called.add(name)
        if name == "reveal":
            state = services.reveals.reveal(OPERATOR, "quiz", "all")
            assert (state.remaining, state.next, state.board.settings.key) == (0, None, "quiz")
        elif name == "unfreeze":
            assert services.freezes.unfreeze(OPERATOR, "quiz").clock.thawed_at is not None
        else:
            assert services.reveals.finalize(OPERATOR, "quiz").state == "final"
        board = services.boards.find("quiz")
        assert board.state == ("final" if "finalize" in called else "closed")
        is_shown = not called.isdisjoint({"reveal", "unfreeze"})
        scores = [212, 211, 210] if is_shown else [12, 11, 10]
        assert [score for _, _, score in rows(services, board)] == scores
    assert services.boards.find("quiz").clock.thawed_at is not None
    assert services.ledger_check.verify().boards == ()


def test_a_final_board_is_revealed_and_has_its_table_when_nothing_is_hidden(
    services: Services,
) -> None:
    people = [Person.register(services) for _ in range(3)]
    low, middle, high = frozen_quiz(services, people)
    set_times(services, closes_at="now")
    final = services.reveals.finalize(OPERATOR, "quiz")
    assert final.clock.thawed_at is None
    frozen = [(1, high, 12), (2, middle, 11), (3, low, 10)]
    for kind in STEPS:
        assert services.reveals.reveal(OPERATOR, "quiz", kind).moves
        assert rows(services, final) != frozen
        assert services.reveals.undo(OPERATOR, "quiz").remaining == 6
        assert rows(services, final) == frozen
        with pytest.raises(BoardNotFinished, match="Acts are still hidden"):
            services.final_tables.read("quiz", None, None)
    services.reveals.reveal(OPERATOR, "quiz", "all")
    table = services.final_tables.read("quiz", None, None)
    assert [(row.standing.user_id, row.standing.score, row.reveal_step) for row in table.rows] == [
        (high, 212, 1),
        (middle, 211, 1),
        (low, 210, 1),
    ]
    # Until it is unfrozen, the last step can be undone.
    services.reveals.undo(OPERATOR, "quiz")
    assert services.freezes.unfreeze(OPERATOR, "quiz").state == "final"
    assert services.reveals.undo(OPERATOR, "quiz").number == 0
    assert rows(services, final) == [(1, high, 212), (2, middle, 211), (3, low, 210)]
    assert services.final_tables.read("quiz", None, None).rows


def test_finalizing_does_not_show_whether_acts_are_hidden(services: Services) -> None:
    ada, bob = Person.register(services), Person.register(services)
    contests = []
    for key in ("quiz", "idle"):
        create_board(services, key)
        count(services, act(ada, 10, key), act(bob, 20, key), boards=("quiz", "idle"))
        set_times(services, key, freezes_at="now")
        if key == "quiz":
            count(services, act(ada, 100))
        set_times(services, key, closes_at="now")
        board = services.reveals.finalize(OPERATOR, key)
        contest = services.contests.of(board, "all")
        contests.append(
            (
                contest.state,
                {name for name, time in contest.times.items() if time},
                contest.step,
                [score for _, _, score in rows(services, board)],
            )
        )
    assert contests[0] == contests[1]
    assert contests[0] == ("final", {"freezesAt", "closesAt", "finalizedAt"}, None, [20, 10])


def test_a_completed_reveal_ends_with_what_was_hidden_after_its_last_step(
    services: Services,
) -> None:
    """The last step announced that nothing remains, so finalizing shows viewers nothing else."""
    low, middle, high = frozen_quiz(services, [Person.register(services) for _ in range(3)])
    services.moderation.ban(OPERATOR, high)
    set_times(services, closes_at="now")
    assert services.reveals.reveal(OPERATOR, "quiz", "all").remaining == 0
    services.moderation.unban(OPERATOR, high)
    assert services.reveals.state("quiz").remaining == 2
    final = services.reveals.finalize(OPERATOR, "quiz")
    assert rows(services, final) == [(1, high, 212), (2, middle, 211), (3, low, 210)]
    assert final.clock.thawed_at is not None
