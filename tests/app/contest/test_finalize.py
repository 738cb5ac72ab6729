"""Finalizing: the standings of a closed board whose acts are all shown stay as they are."""

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


def test_a_board_becomes_final_when_it_is_closed_and_nothing_is_hidden(
    services: Services,
) -> None:
    people = {person.user_id: person for person in (Person.register(services) for _ in range(3))}
    low, middle, high = frozen_quiz(services, people.values())
    with pytest.raises(BoardNotFinished, match="not closed"):
        services.reveals.finalize(OPERATOR, "quiz")
    set_times(services, closes_at="now")
    with pytest.raises(BoardNotFinished, match="Acts are hidden: 6"):
        services.reveals.finalize(OPERATOR, "quiz")
    services.moderation.ban(OPERATOR, high)
    assert services.reveals.reveal(OPERATOR, "quiz", "all").remaining == 0
    final = services.reveals.finalize(OPERATOR, "quiz")
    assert (final.state, final.clock.thawed_at) == ("final", final.clock.finalized_at)
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
    shown = False
    for name in order * 2:
        if name == "reveal":
            state = services.reveals.reveal(OPERATOR, "quiz", "all")
            assert (state.remaining, state.next, state.board.settings.key) == (0, None, "quiz")
        elif name == "unfreeze":
            assert services.freezes.unfreeze(OPERATOR, "quiz").clock.thawed_at is not None
        elif shown:
            final = services.reveals.finalize(OPERATOR, "quiz")
            assert final.state == services.boards.find("quiz").state == "final"
        else:
            # Hidden acts are the only reason to refuse, and either of the others ends it.
            with pytest.raises(BoardNotFinished, match="Reveal them or unfreeze"):
                services.reveals.finalize(OPERATOR, "quiz")
            assert services.boards.find("quiz").state == "closed"
        shown = shown or name != "finalize"
    final = services.boards.find("quiz")
    assert (final.state, final.clock.thawed_at is None) == ("final", False)
    assert [score for _, _, score in rows(services, final)] == [212, 211, 210]
    assert services.ledger_check.verify().boards == ()
