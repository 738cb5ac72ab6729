"""The examples of /openapi.json, sent to a running server."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from psycopg2 import extensions

from tests.support.api_requests import Api
from tests.support.service_acts import act_id
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD, Player

pytestmark = pytest.mark.slow

METHODS = {"get", "post", "put", "patch", "delete"}
# The credentials in the examples.
NAME, EXAMPLE_PASSWORD = "ada", "correct horse"
# Objects without a fixed set of fields.
FREE = {"evidence", "details"}

Variables = dict[str, str]


@pytest.fixture(scope="module")
def document(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/openapi.json").json()
    return found


@pytest.fixture
def variables(
    running_system: SystemHarness, api: Api, database: extensions.connection
) -> Callable[[str], Variables]:
    """Makes the values of the variables for the example of a path."""

    def make(path: str) -> Variables:
        with database.cursor() as cursor:
            # An earlier example used the name.
            cursor.execute(
                "UPDATE users SET username = 'gone.' || left(id::text, 8) WHERE username = %s",
                (NAME,),
            )
        admin = running_system.register()
        with database.cursor() as cursor:
            cursor.execute("UPDATE users SET role = 'admin' WHERE id = %s", (admin.user_id,))
        if path == "/api/auth/register":
            player = running_system.register()
        else:
            body = {"username": NAME, "password": EXAMPLE_PASSWORD}
            made = api.post("/api/auth/register", body).json()
            tokens = (made["accessToken"], made["refreshToken"])
            player = Player(running_system.url, NAME, made["userId"], *tokens)
        player.score_point()
        board = f"quiz-{secrets.token_hex(4)}"
        new_board = {"key": board, "title": "Quiz", "points": {"min": 0, "max": 1000}}
        api.post("/api/admin/boards", new_board, token=admin.access_token)
        if path.endswith(("/finalize", "/final-table")):
            closed = {"closesAt": "now"}
            api.call("PATCH", f"/api/admin/boards/{board}", token=admin.access_token, json=closed)
        if path.endswith("/final-table"):
            api.post(f"/api/admin/boards/{board}/finalize", {}, token=admin.access_token)
        new_key = {"name": "judge", "boards": [board]}
        service_key = api.post("/api/admin/service-keys", new_key, token=admin.access_token).json()
        return {
            "API": f"{running_system.url}/api",
            "ACCESS": player.access_token,
            "REFRESH": player.refresh_token,
            "ACTION": player.ask_token(),
            "ADMIN": admin.access_token,
            "USER": player.user_id,
            "SERVICE_ID": service_key["id"],
            "SERVICE": service_key["key"],
            "BOARD": board,
            "NEW_BOARD": f"new-{board}",
            "NEW_ID": act_id(),
            "CODE": api.post("/api/displays/pairing").json()["code"],
        }

    return make


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, shared in document["paths"].items()
        for method, operation in shared.items()
        if method in METHODS
    ]


def success(operation: dict[str, Any]) -> int:
    return min(int(status) for status in operation["responses"] if status.startswith("2"))


def filled(value: Any, variables: Variables) -> Any:
    """The example with the values of its variables."""
    if isinstance(value, dict):
        return {name: filled(each, variables) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, variables) for each in value]
    return variables[value[1:]] if isinstance(value, str) and value.startswith("$") else value


def shape(value: Any) -> Any:
    """Names and nesting of a reply; of a list, those of its first item."""
    if isinstance(value, dict):
        return {name: None if name in FREE else shape(each) for name, each in value.items()}
    return [shape(each) for each in value[:1]] if isinstance(value, list) else None


def example_of(holder: dict[str, Any]) -> Any:
    return holder["content"]["application/json"]["example"]


def test_every_example_works_and_gets_the_documented_reply(
    api: Api, document: dict[str, Any], variables: Callable[[str], Variables]
) -> None:
    for method, path, operation in operations(document):
        values = variables(path)
        shared = document["paths"][path].get("parameters", [])
        examples = {
            (each["in"], each["name"]): filled(each["example"], values)
            for each in (*shared, *operation.get("parameters", []))
            if "example" in each
        }
        url = path
        for (location, name), value in examples.items():
            if location == "path":
                url = url.replace(f"{{{name}}}", value)
        body = example_of(operation["requestBody"]) if "requestBody" in operation else None
        service = "serviceKey" in str(operation.get("security"))
        token = values["SERVICE" if service else "ADMIN" if "/admin/" in path else "ACCESS"]
        reply = api.call(
            method.upper(),
            url,
            token=token if "security" in operation else None,
            json=filled(body, values),
            params={
                name: value for (location, name), value in examples.items() if location == "query"
            },
        )
        assert reply.status_code == success(operation), (method, path, reply.text)
        documented = operation["responses"][str(reply.status_code)]
        if reply.status_code == 204:
            assert "content" not in documented
        elif path.endswith((".csv", "/final-table")):
            content_type = reply.headers["Content-Type"].partition(";")[0]
            assert [content_type] == list(documented["content"])
        elif not path.endswith(
            ("/fraud/events", "/boards/{key}/leaderboard", "/boards/{key}/history", "/around-me")
        ):
            assert shape(reply.json()) == shape(example_of(documented)), (method, path)


def test_every_example_command_works_in_a_shell(
    document: dict[str, Any], variables: Callable[[str], Variables]
) -> None:
    for method, path, operation in operations(document):
        (sample,) = operation["x-codeSamples"]
        command = sample["source"].replace("curl -s", "curl -s -o /dev/null -w '%{http_code}'", 1)
        shell = variables(path) | {"PATH": os.environ["PATH"]}
        done = subprocess.run(
            ["bash", "-euc", command], env=shell, capture_output=True, text=True, check=True
        )
        assert int(done.stdout) == success(operation), (method, path, command)


def test_every_variable_of_the_examples_is_explained(document: dict[str, Any]) -> None:
    used = set(re.findall(r"\$([A-Z_]+)", str(document["paths"])))
    explained = set(re.findall(r"- `\$([A-Z_]+)` is ", document["info"]["description"]))
    assert used == explained
    assert PASSWORD not in str(document)
