"""The examples of /openapi.json: each is sent to a running server, and works."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from psycopg2 import extensions

from tests.app.http.asking import Api
from tests.system.player import PASSWORD, Player
from tests.system.running import RunningSystem

METHODS = {"get", "post", "put", "patch", "delete"}
# What the examples log in with, and an account's own password by which they change it.
NAME, EXAMPLE_PASSWORD = "ada", "correct horse"
# Of these the server decides what is in them.
FREE = {"evidence", "details"}

Variables = dict[str, str]


@pytest.fixture(scope="module")
def document(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/openapi.json").json()
    return found


@pytest.fixture
def variables(
    running_system: RunningSystem, api: Api, database: extensions.connection
) -> Callable[[str], Variables]:
    """What `$NAME` of an example of that path stands for, as a reader would have it."""

    def make(path: str) -> Variables:
        with database.cursor() as cursor:
            # Whoever tried the examples before had the name.
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
        return {
            "API": f"{running_system.url}/api",
            "ACCESS": player.access_token,
            "REFRESH": player.refresh_token,
            "ACTION": player.ask_token(),
            "ADMIN": admin.access_token,
            "USER_ID": player.user_id,
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
    """The example with the variables' values in it."""
    if isinstance(value, dict):
        return {name: filled(each, variables) for name, each in value.items()}
    return variables[value[1:]] if isinstance(value, str) and value.startswith("$") else value


def shape(value: Any) -> Any:
    """Names and nesting of a reply; of a list the first one's."""
    if isinstance(value, dict):
        return {name: None if name in FREE else shape(each) for name, each in value.items()}
    return [shape(each) for each in value[:1]] if isinstance(value, list) else None


def example_of(holder: dict[str, Any]) -> Any:
    return holder["content"]["application/json"]["example"]


def test_every_example_works_and_is_answered_as_it_says(
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
        address = path
        for (place, name), value in examples.items():
            if place == "path":
                address = address.replace(f"{{{name}}}", value)
        body = example_of(operation["requestBody"]) if "requestBody" in operation else None
        token = values["ADMIN" if "/admin/" in path else "ACCESS"]
        reply = api.call(
            method.upper(),
            address,
            token=token if "security" in operation else None,
            json=filled(body, values),
            params={name: value for (place, name), value in examples.items() if place == "query"},
        )
        assert reply.status_code == success(operation), (method, path, reply.text)
        told = operation["responses"][str(reply.status_code)]
        if reply.status_code == 204:
            assert "content" not in told
        elif not path.endswith("/fraud/events"):
            assert shape(reply.json()) == shape(example_of(told)), (method, path)


def test_every_command_does_what_a_shell_makes_of_it(
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
