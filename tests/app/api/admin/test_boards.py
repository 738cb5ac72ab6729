"""/admin/boards: admins create, rename and archive boards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api_client import Caller, body_of
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
