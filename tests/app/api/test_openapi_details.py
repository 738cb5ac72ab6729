"""The OpenAPI document says all that the author of a client needs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from app.api.asyncapi.samples import COMMANDS, EVENTS
from app.contract import events
from app.contract.limits import Ban
from app.contract.viewers import close_codes
from app.contract.viewers.close_codes import CloseKind
from tests.support.api_requests import Api

METHODS = {"get", "post", "put", "patch", "delete"}
Document = dict[str, Any]


@pytest.fixture(scope="module")
def document(api: Api) -> Document:
    found: Document = api.get("/openapi.json").json()
    return found


@pytest.fixture(scope="module")
def guide(document: Document) -> str:
    text: str = document["info"]["description"]
    return text


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    for path, shared in document["paths"].items():
        for method in METHODS & shared.keys():
            yield f"{method} {path}", shared[method]


def codes(document: Document, method: str, path: str, status: int) -> set[str]:
    """The error codes that the document lists for a status of an operation."""
    response = document["paths"][path][method]["responses"][str(status)]
    _, listed = response["content"]["application/json"]["schema"]["allOf"]
    return set(listed["properties"]["code"]["enum"])


def test_calls_are_sent_to_the_server_of_the_document_and_never_to_a_host_from_a_request(
    api: Api,
) -> None:
    reply = api.get("/openapi.json", headers={"Host": "evil.example"})
    assert [server["url"] for server in reply.json()["servers"]] == ["/"]
    assert "evil.example" not in reply.text


def test_every_field_and_parameter_is_described(document: Document) -> None:
    schemas = document["components"]["schemas"]
    silent = [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, described in schema.get("properties", {}).items()
        if not described.get("description")
    ]
    silent += [
        f"{name}?{parameter['name']}"
        for name, operation in operations(document)
        for parameter in operation.get("parameters", ())
        if not parameter.get("description")
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("method", "path", "status", "expected"),
    [
        (
            "post",
            "/api/scores/increment",
            401,
            {"AUTH_REQUIRED", "AUTH_INVALID", "SESSION_REVOKED"},
        ),
        ("post", "/api/auth/register", 409, {"USERNAME_TAKEN"}),
        ("post", "/api/auth/login", 503, {"REDIS_UNAVAILABLE", "SERVER_BUSY"}),
        ("get", "/api/leaderboard", 503, {"SERVER_BUSY"}),
        ("post", "/api/auth/login", 401, {"INVALID_CREDENTIALS"}),
        ("get", "/api/leaderboard", 400, {"VALIDATION_ERROR"}),
        ("get", "/api/admin/users", 403, {"USER_BANNED", "FORBIDDEN"}),
        ("get", "/api/admin/users/{user}", 404, {"NOT_FOUND"}),
    ],
)
def test_the_codes_of_a_status_are_listed(
    document: Document, method: str, path: str, status: int, expected: set[str]
) -> None:
    assert codes(document, method, path, status) == expected


def test_an_increment_lists_all_refusals_of_its_token(document: Document) -> None:
    found = codes(document, "post", "/api/scores/increment", 400)
    assert found == {"VALIDATION_ERROR", "TOKEN_INVALID", "TOKEN_EXPIRED", "TOKEN_USED"}


def test_the_codes_of_refusals_are_those_that_the_server_sends(
    api: Api, document: Document
) -> None:
    refused = api.get("/api/users/me")
    assert refused.json()["code"] in codes(document, "get", "/api/users/me", refused.status_code)
    refused = api.get("/api/leaderboard?limit=0")
    assert refused.json()["code"] in codes(document, "get", "/api/leaderboard", refused.status_code)


def test_every_code_of_an_operation_is_in_the_enumeration_of_all_codes(document: Document) -> None:
    every = set(document["components"]["schemas"]["Error"]["properties"]["code"]["enum"])
    listed = set(re.findall(r"'enum': \[('[A-Z_']+(?:, '[A-Z_']+)*)\]", str(document["paths"])))
    used = {code.strip("'") for codes in listed for code in codes.split(", ")}
    assert used
    assert used <= every


def test_every_reply_has_a_request_id_and_limited_calls_document_their_headers(
    document: Document,
) -> None:
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            assert "X-Request-Id" in response["headers"], f"{name} {status}"
    increment = document["paths"]["/api/scores/increment"]["post"]["responses"]
    limit = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
    assert increment["200"]["headers"].keys() >= limit
    assert increment["429"]["headers"].keys() >= limit | {"Retry-After"}
    assert "Retry-After" in increment["503"]["headers"]


def test_no_text_refers_to_documents_that_its_reader_does_not_have(document: Document) -> None:
    text = str(document)
    assert "docs/" not in text
    assert not re.search(r"\(flow \d", text)


def test_the_guide_states_the_limits_of_this_server(guide: str) -> None:
    assert "\n- Increments of a user: 1,000,000 per minute\n" in guide
    assert "LIMITS\n" not in guide
    assert "VARIABLES\n" not in guide


def test_the_guide_lists_every_event_with_its_fields(guide: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|[^|]*\|$", guide, re.M)
    fields = {
        kind.name: {name for each in EVENTS if isinstance(each, kind) for name in each.data()}
        for kind in events.ViewerEvent.__subclasses__()
    }
    found = {name: set(re.findall(r"`(\w+)`", listed)) for name, listed in rows}
    assert found == fields | {events.Pong.name: set()}
    for field in Ban(0, None).as_json():
        assert f"`{field}`" in guide


def test_the_guide_lists_every_command_of_a_viewer(guide: str) -> None:
    examples = [json.loads(each) for each in re.findall(r'`(\{"type".*?\})`', guide)]
    assert {each["type"]: each.keys() for each in examples} == {
        name: samples[0].keys() for name, samples in COMMANDS.items()
    }


def test_the_guide_lists_every_close_code(guide: str) -> None:
    catalogue = [kind for kind in vars(close_codes).values() if isinstance(kind, CloseKind)]
    catalogue.append(close_codes.shutting_down(1))
    rows = re.findall(r"^\| (\d{4}) \| `(\w+)` \|", guide, re.M)
    assert set(rows) == {(str(kind.code), kind.reason) for kind in catalogue}
