"""/admin/boards/KEY/reveal: admins reveal hidden acts, undo steps and finalize."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.api_client import Caller, body_of
from tests.support.players import Person
from tests.support.service_acts import act, count
from tests.support.services import Services

pytestmark = pytest.mark.slow

QUIZ = {"key": "quiz", "title": "Quiz", "points": {"min": 0, "max": 100}, "freezesAt": "now"}
PATH = "/api/admin/boards/quiz"


@pytest.fixture
def quiz(services: Services, admin: Caller, ada: Person) -> Person:
    """A frozen board on which a player has two hidden acts."""
    body_of(admin("POST", "/api/admin/boards", QUIZ), 201)
    count(services, act(ada, 7), act(ada, 20))
    return ada


def test_acts_are_revealed_undone_and_made_final(admin: Caller, quiz: Person) -> None:
    before = body_of(admin("GET", f"{PATH}/reveal"))
    player = {
        "userId": quiz.user_id,
        "username": quiz.username,
        "displayName": "Ada",
        "rank": None,
        "score": None,
        "remaining": 2,
    }
    assert before == {
        "board": "quiz",
        "state": "frozen",
        "number": 0,
        "remaining": 2,
        "next": player,
        "moves": [],
    }
    first = body_of(admin("POST", f"{PATH}/reveal", {"number": 1}))
    assert (first["number"], first["remaining"]) == (1, 1)
    assert first["next"] == player | {"rank": 1, "score": 7, "remaining": 1}
    (move,) = first["moves"]
    assert (move["fromRank"], move["toRank"], move["toScore"]) == (None, 1, 7)
    repeated = body_of(admin("POST", f"{PATH}/reveal", {"step": "all", "number": 1}))
    assert repeated == first | {"moves": []}
    assert body_of(admin("POST", f"{PATH}/reveal/undo", {})) == before
    assert body_of(admin("POST", f"{PATH}/reveal", {"step": "player"}))["next"] is None
    refusal = body_of(admin("POST", f"{PATH}/finalize", {}), 409)
    assert (refusal["code"], refusal["message"]) == (
        "BOARD_NOT_FINISHED",
        "The board is not closed yet",
    )
    body_of(admin("PATCH", PATH, {"closesAt": "now"}))
    final = body_of(admin("POST", f"{PATH}/finalize", {"reason": "the winner is known"}))
    assert (final["state"], final["finalizedAt"]) == ("final", final["thawedAt"])
    assert body_of(admin("GET", "/api/boards/quiz"))["state"] == "final"


def test_a_malformed_step_is_refused(admin: Caller, quiz: Person) -> None:
    for body in ({"step": "team"}, {"number": 0}, {"number": "1"}, {"steps": "act"}):
        assert body_of(admin("POST", f"{PATH}/reveal", body), 400)
    assert body_of(admin("GET", f"{PATH}/reveal"))["number"] == 0
    for path in ("reveal", "reveal/undo", "finalize"):
        assert body_of(admin("POST", f"/api/admin/boards/nothing/{path}", {}), 404)


def test_players_reveal_nothing(
    admin: Caller, quiz: Person, log_in: Callable[[str], Caller]
) -> None:
    caller = log_in(quiz.username)
    for path in ("reveal", "reveal/undo", "finalize"):
        assert body_of(caller("POST", f"{PATH}/{path}", {}), 403)
    assert body_of(caller("GET", f"{PATH}/reveal"), 403)
    assert body_of(admin("GET", f"{PATH}/reveal"))["number"] == 0
