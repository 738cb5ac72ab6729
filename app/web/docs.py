"""/docs: the OpenAPI document as a page that needs no script and nothing from outside."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request

from app.http.authentication import public
from app.http.examples import VARIABLES
from app.http.openapi import current_document
from app.web.page import content_security_policy

Document = Mapping[str, Any]
docs = Blueprint("docs", __name__, template_folder="templates")


@dataclass(frozen=True)
class Field:
    """One line of a table: a parameter, or a field of a body."""

    name: str
    kind: str
    required: bool
    notes: str


@dataclass(frozen=True)
class Operation:
    """One call as the page shows it; examples are text as it is to be shown."""

    anchor: str
    method: str
    path: str
    tag: str
    summary: str
    description: str
    needs_token: bool
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    command: str
    reply: str
    success: str
    refusals: tuple[tuple[str, str], ...]


@docs.get("/docs")
@public
def show() -> Response:
    """Every call with its fields, its replies and an example that works."""
    document = current_document()
    operations = tuple(_operations(document))
    groups = [
        (tag, [each for each in operations if each.tag == tag["name"]]) for tag in document["tags"]
    ]
    page = render_template(
        "docs.html",
        title=document["info"]["title"],
        version=document["info"]["version"],
        api=f"{request.host_url}api",
        variables=VARIABLES,
        groups=groups,
    )
    response = make_response(page)
    response.headers["Content-Security-Policy"] = content_security_policy(())
    response.headers["Cache-Control"] = "no-cache"
    return response


def _operations(document: Document) -> Iterator[Operation]:
    for path, shared in document["paths"].items():
        for method, found in shared.items():
            if method != "parameters":
                yield _operation(document, path, method, found, shared.get("parameters", ()))


def _operation(
    document: Document, path: str, method: str, found: Document, shared: Any
) -> Operation:
    success = min(status for status in found["responses"] if status.startswith("2"))
    reply = _json_of(found["responses"][success])
    body = _resolved(document, _json_of(found.get("requestBody", {})).get("schema", {}))
    return Operation(
        anchor=f"{method}{path}".translate(str.maketrans("/_", "--", "{}")),
        method=method.upper(),
        path=path,
        tag=found["tags"][0],
        summary=found["summary"],
        description=found.get("description", ""),
        needs_token="security" in found,
        parameters=tuple(
            _field(document, p["name"], p["schema"], p["required"], p.get("description", ""))
            for p in (*shared, *found.get("parameters", ()))
        ),
        body=tuple(_fields(document, body)),
        command=found["x-codeSamples"][0]["source"],
        reply=_pretty(reply["example"]) if "example" in reply else "",
        success=success,
        refusals=tuple(
            (status, _resolved(document, response)["description"])
            for status, response in sorted(found["responses"].items())
            if status.isdigit() and status != success
        ),
    )


def _fields(document: Document, schema: Document) -> Iterator[Field]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        yield _field(document, name, field, name in required, field.get("description", ""))


def _field(
    document: Document, name: str, schema: Document, required: bool, description: str
) -> Field:
    found = _resolved(document, schema)
    kinds = found.get("type", "any")
    kind = " or ".join(kinds) if isinstance(kinds, list) else kinds
    notes = [description] if description else []
    if "enum" in found:
        notes.append("one of " + ", ".join(str(value) for value in found["enum"] if value))
    if "minimum" in found and "maximum" in found:
        notes.append(f"{found['minimum']} to {found['maximum']}")
    if "pattern" in found:
        notes.append(f"as {found['pattern']}")
    if found.get("default") is not None:
        notes.append(f"default {found['default']}")
    return Field(
        name,
        f"{kind} ({found['format']})" if "format" in found else kind,
        required,
        "; ".join(notes),
    )


def _json_of(holder: Document) -> Document:
    found: Document = holder.get("content", {}).get("application/json", {})
    return found


def _resolved(document: Document, schema: Document) -> Document:
    """The schema, or the one that it refers to."""
    if "$ref" not in schema:
        return schema
    found: Any = document
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return _resolved(document, found)


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
