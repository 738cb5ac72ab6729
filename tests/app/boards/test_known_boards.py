"""What a process remembers of boards."""

from __future__ import annotations

import pytest

from app.boards.boards import Boards
from app.boards.known_boards import KnownBoards
from app.contract.errors import NotFound
from tests.support.service_acts import OPERATOR, create_board
from tests.support.services import Services

pytestmark = pytest.mark.slow


def test_several_boards_are_read_by_one_query_and_known_from_then_on(
    services: Services, queries: list[str]
) -> None:
    for key in ("quiz", "race"):
        create_board(services, key)
    known = KnownBoards(Boards(services.database))
    queries.clear()
    assert sorted(known.find_all(["quiz", "race", "no-such-board"])) == ["quiz", "race"]
    assert known.find("quiz").settings.title == "Quiz"
    assert known.found("race").settings.title == "Race"
    assert len(queries) == 1


def test_a_board_is_known_as_it_was_found_last(services: Services) -> None:
    known = KnownBoards(Boards(services.database))
    with pytest.raises(NotFound):
        known.found("quiz")
    create_board(services)
    assert known.found("quiz").settings.title == "Quiz"
    services.boards.edit(OPERATOR, "quiz", title="Other")
    assert known.found("quiz").settings.title == "Quiz"
    known.find_all(["quiz"])
    assert known.found("quiz").settings.title == "Other"
