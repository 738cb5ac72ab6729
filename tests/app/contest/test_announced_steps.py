"""What a step of a reveal announces to viewers that connect after it."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from tests.app.contest.test_reveals import frozen_quiz
from tests.support.players import Person
from tests.support.service_acts import OPERATOR
from tests.support.services import Services

pytestmark = pytest.mark.slow


def test_the_last_step_has_the_present_names_of_players_and_stores_none(
    services: Services,
) -> None:
    people = [Person.register(services) for _ in range(3)]
    low, middle, high = frozen_quiz(services, people)
    services.reveals.reveal(OPERATOR, "quiz", "player")
    services.moderation.rename(OPERATOR, low, username="renamed", display_name="Renamed")
    services.moderation.delete(OPERATOR, middle)
    step = services.contests.of(services.boards.find("quiz"), "all").step
    assert step is not None
    assert (step.last.user_id, step.last.username, step.last.display_name) == (
        low,
        "renamed",
        "Renamed",
    )
    assert step.next is not None
    assert (step.next.user_id, step.next.display_name) == (middle, "Deleted player")
    names = {row.user_id: row.display_name for row in step.last.rows}
    assert names == {
        low: "Renamed",
        middle: "Deleted player",
        high: "Player",
    }
    with services.database.reading() as connection:
        (stored,) = connection.execute(text("SELECT announced::text FROM reveal_steps")).scalars()
    assert low in stored
    assert not {"username", "displayName"} & set(json.loads(stored)["last"])
    assert not any(person.username in stored for person in people)
