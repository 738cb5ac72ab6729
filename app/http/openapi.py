"""The OpenAPI document: smorest's, with the auth, the errors and an example of each call."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from apispec import APISpec
from flask import Flask, current_app

from app.http.authentication import AUTH_MODE
from app.http.examples import EXAMPLES, VARIABLES, Example, curl

# Flask writes <uuid:user_id> for what OpenAPI writes {user_id}.
_PARAMETER = re.compile(r"<(?:[^<>:]+:)?([^<>]+)>")
_ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
_OF_AUTH = {
    "public": (),
    "session": (401, 403),
    "admission": (401, 403, 429, 503),
    "admin": (401, 403),
}
_OF_BODY = (400, 413, 415)
_OF_ANY = (500,)
_TOKEN = {"public": None, "session": "ACCESS", "admission": "ACCESS", "admin": "ADMIN"}
_SPEC = "openapi_spec"
_DESCRIPTION = "\n".join(
    [
        "Players act through this API; viewers hold a WebSocket open, which README.md describes.",
        "",
        "In the examples",
        "",
        *(f"- `${name}` is {meaning}" for name, meaning in VARIABLES.items()),
    ]
)


def keep_spec(app: Flask, spec: APISpec) -> None:
    """Let the app's document be made of this spec, which is complete once all is mounted."""
    app.extensions[_SPEC] = spec


def current_document() -> dict[str, Any]:
    """The document of the running app."""
    return document(current_app, current_app.extensions[_SPEC])


def document(app: Flask, spec: APISpec) -> dict[str, Any]:
    """The document with the security of each operation and the errors that follow from it."""
    views = {
        (_PARAMETER.sub(r"{\1}", rule.rule), method.lower()): app.view_functions[rule.endpoint]
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    found: dict[str, Any] = spec.to_dict()
    found["info"]["description"] = _DESCRIPTION
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            if (path, method) not in views:
                continue  # what all operations of the path share
            mode = getattr(views[path, method], AUTH_MODE)
            if mode != "public":
                operation["security"] = [{"accessToken": []}]
            if sent := operation.get("requestBody"):
                # smorest says of every body that it is; where all fields may be left out, it may.
                sent["required"] = bool(_fields_needed(found, sent))
            body = _OF_BODY if sent else ()
            for status in (*_OF_AUTH[mode], *body, *_OF_ANY):
                described = {"description": HTTPStatus(status).phrase, "content": _ERROR}
                operation["responses"].setdefault(str(status), described)
            if example := EXAMPLES.get((method, path)):
                _show(operation, example)
                source = curl(method, path, example, _TOKEN[mode])
                operation["x-codeSamples"] = [{"lang": "Shell", "source": source}]
        for parameter in operations.get("parameters", ()):
            parameter["example"] = "$USER_ID"
    return found


def _fields_needed(document: dict[str, Any], body: dict[str, Any]) -> list[str]:
    schema = body["content"]["application/json"]["schema"]
    named = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    needed: list[str] = named.get("required", [])
    return needed


def _show(operation: dict[str, Any], example: Example) -> None:
    """Put the example where OpenAPI has a place for it."""
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in example.query:
            parameter["example"] = example.query[parameter["name"]]
    if example.body is not None:
        operation["requestBody"]["content"]["application/json"]["example"] = example.body
    if example.reply is not None:
        status = min(status for status in operation["responses"] if status.startswith("2"))
        content = operation["responses"][status]["content"]
        content["application/json"]["example"] = example.reply
