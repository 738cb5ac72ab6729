"""POST /api/service/scores: batches, their bounds, and what a key may do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from prometheus_client import REGISTRY

from app.contract.limits import MAX_BATCH_BYTES, MAX_BODY_BYTES
from tests.support.api_client import Caller, body_of, refused
from tests.support.players import PASSWORD, Person
from tests.support.service_acts import act, create_board
from tests.support.services import Services

pytestmark = pytest.mark.slow

PATH = "/api/service/scores"


def test_500_acts_in_one_call_are_counted_once_however_often_it_is_repeated(
    judge: Caller, services: Services
) -> None:
    people = [Person.register(services) for _ in range(3)]
    acts = [act(people[number % 3], 1, label="x" * 100) for number in range(500)]
    assert MAX_BODY_BYTES < len(json.dumps({"scores": acts})) < MAX_BATCH_BYTES
    first = body_of(judge("POST", PATH, {"scores": acts}))["results"]
    assert [each["id"] for each in first] == [each["id"] for each in acts]
    assert {each["status"] for each in first} == {"counted"}
    for _ in range(2):
        again = body_of(judge("POST", PATH, {"scores": acts}))["results"]
        assert {each["status"] for each in again} == {"repeated"}
        assert [each["score"] for each in again] == [each["score"] for each in first]
    board = body_of(judge("GET", "/api/boards/quiz/leaderboard"))
    assert [row["score"] for row in board["leaderboard"]] == [167, 167, 166]


@pytest.mark.parametrize(
    "body",
    [{}, {"scores": []}, {"scores": {}}, {"scores": [{}] * 501}, {"scores": [], "more": 1}, []],
)
def test_a_call_that_is_no_batch_is_refused_as_a_whole(judge: Caller, body: Any) -> None:
    assert body_of(judge("POST", PATH, body), 400)["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize("malformed", [None, 1, "act", [], [[]], {}, {"id": None}])
def test_a_malformed_act_does_not_spoil_the_others_of_its_call(
    judge: Caller, services: Services, malformed: Any
) -> None:
    person = Person.register(services)
    scores = [act(person, 2), malformed, act(person, 3)]
    first, bad, last = body_of(judge("POST", PATH, {"scores": scores}))["results"]
    assert (bad["id"], bad["status"]) == (None, "invalid")
    assert bad["details"]
    assert (first["status"], last["status"], last["score"]) == ("counted", "counted", 5)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" * 100_000, "Nested too deeply, 100000 levels at line 1, column 100000."),
        (
            '{"scores": [\n' + "9" * 100_000 + "]}",
            "A number with too many digits at line 2, column 1.",
        ),
        ('{"scores": [{"points": 1},, ]}', "Invalid JSON at line 1, column 27."),
    ],
)
def test_a_batch_that_can_not_be_read_is_refused_with_the_position(
    app: Flask, judge: Caller, text: str, problem: str
) -> None:
    reply = app.test_client().post(
        PATH,
        data=text,
        content_type="application/json",
        headers={"Authorization": f"Bearer {judge.token}"},
    )
    refusal = body_of(reply, 400)
    assert refusal["code"] == "VALIDATION_ERROR"
    assert refusal["details"] == {"body": [problem]}


def test_a_batch_over_the_limit_is_too_large_and_other_routes_keep_theirs(
    app: Flask, judge: Caller
) -> None:
    long = {"scores": [{"label": "x" * MAX_BATCH_BYTES}]}
    refusal = refused(judge("POST", PATH, long), 413, "PAYLOAD_TOO_LARGE")
    assert refusal["message"] == "A body may have 256 KiB"
    other = app.test_client().post("/api/auth/login", json={"username": "x" * MAX_BODY_BYTES})
    assert refused(other, 413, "PAYLOAD_TOO_LARGE")["message"] == "A body may have 16 KiB"


def test_a_foreign_board_is_unknown_to_the_key(judge: Caller, services: Services) -> None:
    create_board(services, "secret")
    acts = [act(Person.register(services), 1, board="secret")]
    (result,) = body_of(judge("POST", PATH, {"scores": acts}))["results"]
    assert result == {"id": acts[0]["id"], "status": "unknown_board"}


def test_without_a_key_nothing_is_counted(app: Flask, services: Services) -> None:
    create_board(services)
    person = Person.register(services)
    body = {"scores": [act(person, 1)]}
    assert body_of(Caller(app, "", "")("POST", PATH, body), 401)["code"] == "AUTH_REQUIRED"
    login = services.accounts.log_in(person.username, PASSWORD)
    player = Caller(app, person.user_id, login.tokens.access_token)
    assert body_of(player("POST", PATH, body), 401)["code"] == "SERVICE_KEY_INVALID"
    assert body_of(player("GET", "/api/boards/quiz/leaderboard"))["leaderboard"] == []


def test_acts_are_counted_in_the_metrics_by_status(judge: Caller, services: Services) -> None:
    def counted() -> float:
        name, labels = "scoreboard_service_acts_total", {"status": "counted"}
        return REGISTRY.get_sample_value(name, labels) or 0.0

    before = counted()
    person = Person.register(services)
    judge("POST", PATH, {"scores": [act(person, 1), act(person, 2)]})
    assert counted() == before + 2
