"""/admin/boards: admins create, rename and archive boards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api_client import Caller, body_of
from tests.support.players import Person
from tests.support.service_acts import act, count
from tests.support.services import Services

pytestmark = pytest.mark.slow

PATH = "/api/admin/boards"
QUIZ: dict[str, Any] = {"key": "quiz", "title": "Quiz", "points": {"min": 0, "max": 10}}


def test_a_board_is_created_renamed_and_archived(services: Services, admin: Caller) -> None:
    created = body_of(admin("POST", PATH, QUIZ | {"periods": ["week", "all"]}), 201)
    assert (created["key"], created["periods"], created["state"]) == (
        "quiz",
        ["week", "all"],
        "open",
    )
    assert body_of(admin("PATCH", f"{PATH}/quiz", {"title": "Quiz 2"}))["title"] == "Quiz 2"
    assert body_of(admin("POST", f"{PATH}/quiz/archive", {}))["state"] == "archived"
    acts = [entry.act for entry in services.moderation_reads.audit(limit=3)]
    assert acts == ["archive-board", "edit-board", "create-board"]


def test_the_times_of_a_board_are_set_moved_and_removed(services: Services, admin: Caller) -> None:
    opens, closes = "2036-12-24T10:00:00.000Z", "2036-12-24T12:00:00.000Z"
    created = body_of(admin("POST", PATH, QUIZ | {"opensAt": opens, "closesAt": closes}), 201)
    assert (created["state"], created["opensAt"], created["closesAt"]) == (
        "scheduled",
        opens,
        closes,
    )
    opened = body_of(admin("PATCH", f"{PATH}/quiz", {"opensAt": "now"}))
    assert (opened["state"], opened["closesAt"]) == ("open", closes)
    assert body_of(admin("PATCH", f"{PATH}/quiz", {"closesAt": "now"}))["state"] == "closed"
    reopened = body_of(admin("PATCH", f"{PATH}/quiz", {"title": "Quiz 2", "closesAt": None}))
    assert (reopened["state"], reopened["title"], reopened["closesAt"]) == ("open", "Quiz 2", None)
    entry = next(e for e in services.moderation_reads.audit(limit=5) if e.act == "set-clock")
    assert entry.details == {
        "board": "quiz",
        "opensAt": opened["opensAt"],
        "freezesAt": None,
        "closesAt": None,
        "thawedAt": None,
        "finalizedAt": None,
    }


def test_a_wrong_time_changes_nothing(admin: Caller) -> None:
    body_of(admin("POST", PATH, QUIZ | {"opensAt": "2036-12-24T10:00:00Z"}), 201)
    for closes in ("2036-12-24T10:00:00Z", "2020-01-01T00:00:00Z", "soon"):
        change = {"title": "Quiz 2", "closesAt": closes}
        refusal = body_of(admin("PATCH", f"{PATH}/quiz", change), 400)
        assert set(refusal["details"]) == {"closesAt"}
    assert body_of(admin("PATCH", f"{PATH}/quiz", {}))["title"] == "Quiz"


def test_a_freeze_is_set_and_ended(admin: Caller) -> None:
    frozen = {"opensAt": "now", "freezesAt": "now"}
    assert body_of(admin("POST", PATH, QUIZ | frozen), 201)["state"] == "frozen"
    for _ in range(2):
        shown = body_of(admin("POST", f"{PATH}/quiz/unfreeze", {}))
        assert (shown["state"], shown["thawedAt"] is None) == ("open", False)
    assert body_of(admin("POST", f"{PATH}/nothing/unfreeze", {}), 404)


def test_admins_read_the_real_standings(services: Services, admin: Caller, ada: Person) -> None:
    body_of(admin("POST", PATH, QUIZ | {"freezesAt": "now"}), 201)
    count(services, act(ada, 7))
    assert body_of(admin("GET", "/api/boards/quiz/leaderboard"))["leaderboard"] == []
    real = body_of(admin("GET", f"{PATH}/quiz/leaderboard"))["leaderboard"]
    assert [(row["rank"], row["displayName"], row["score"]) for row in real] == [(1, "Ada", 7)]
    assert body_of(admin("GET", f"{PATH}/main/leaderboard"), 400)


def test_main_has_no_clock(admin: Caller) -> None:
    refusal = body_of(admin("PATCH", f"{PATH}/main", {"closesAt": "now"}), 400)
    assert refusal["message"] == "The board main has no clock, it is always open"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"key": "Quiz"}, "key"),
        ({"key": "main"}, "key"),
        ({"title": ""}, "title"),
        ({"better": "higher"}, "better"),
        ({"combine": "max"}, "combine"),
        ({"points": {"min": 2, "max": 1}}, "points"),
        ({"points": {"min": 0}}, "points"),
        ({"periods": []}, "periods"),
        ({"periods": ["all", "all"]}, "periods"),
        ({"timeZone": "CET+7"}, "timeZone"),
        ({"scoredBy": "players"}, "scoredBy"),
    ],
)
def test_a_wrong_setting_is_named(admin: Caller, changed: dict[str, Any], field: str) -> None:
    refusal = body_of(admin("POST", PATH, QUIZ | changed), 400)
    assert (refusal["code"], set(refusal["details"])) == ("VALIDATION_ERROR", {field})


def test_an_unknown_board_is_not_found(admin: Caller) -> None:
    assert body_of(admin("PATCH", f"{PATH}/nothing", {"title": "x"}), 404)
    assert body_of(admin("POST", f"{PATH}/nothing/archive", {}), 404)


def test_main_is_given_further_periods(services: Services, admin: Caller) -> None:
    edited = body_of(admin("PATCH", f"{PATH}/main", {"periods": ["all", "day"]}))
    assert (edited["title"], edited["periods"]) == ("Live Scoreboard", ["all", "day"])
    refusal = body_of(admin("PATCH", f"{PATH}/main", {"periods": ["all"]}), 400)
    assert set(refusal["details"]) == {"periods"}
    (entry,) = services.moderation_reads.audit(limit=1)
    assert (entry.act, entry.details) == ("add-periods", {"board": "main", "periods": "day"})
