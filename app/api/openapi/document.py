"""The OpenAPI document: smorest's, with access, errors and an example of each operation."""

from __future__ import annotations

import re
from copy import deepcopy
from importlib.resources import files
from typing import Any

from apispec import APISpec
from flask import Flask, current_app
from limits import RateLimitItem

from app.api.asyncapi.document import GUIDE as WATCHING
from app.api.openapi import errors
from app.api.openapi.example import Example
from app.api.openapi.examples import EXAMPLES, PATH_VARIABLES, VARIABLES, curl
from app.contract.errors import RateLimited
from app.contract.limits import MAX_BATCH_BYTES, MAX_BODY_BYTES
from app.http.access_control import AUTH_MODE
from app.http.schemas import DOCUMENTED_ERRORS

# <uuid:user_id> in Flask is {user_id} in OpenAPI.
_PARAMETER = re.compile(r"<(?:[^<>:]+:)?([^<>]+)>")
_TOKEN = {
    "public": None,
    "session": "ACCESS",
    "admission": "ACCESS",
    "admin": "ADMIN",
    "service": "SERVICE",
}
_SPEC = "openapi_spec"
_GUIDE = files(__package__).joinpath("guide.md").read_text(encoding="utf-8")
_VARIABLES = "\n".join(f"- `${name}` is {meaning}" for name, meaning in VARIABLES.items())


def set_spec(app: Flask, spec: APISpec) -> None:
    """Set the spec that the app's document is made of, once all resources are mounted."""
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
    # A copy, because apispec returns its own dictionaries.
    found: dict[str, Any] = deepcopy(spec.to_dict())
    found["info"]["description"] = _description(app)
    found["servers"] = [{"url": "/", "description": "This server"}]
    found["components"]["headers"] = errors.HEADERS
    found["components"]["schemas"]["Error"]["properties"]["code"]["enum"] = errors.CODES
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            if (path, method) not in views:
                continue  # fields that all operations of the path share
            mode = getattr(views[path, method], AUTH_MODE)
            if mode != "public":
                scheme = "serviceKey" if mode == "service" else "accessToken"
                operation["security"] = [{scheme: []}]
            if sent := operation.get("requestBody"):
                # smorest marks every body as required. A body without required fields is optional.
                sent["required"] = bool(_fields_needed(found, sent))
            _add_errors(operation, mode)
            if example := EXAMPLES.get((method, path)):
                _add_example(operation, example)
                source = curl(method, path, example, _TOKEN[mode])
                operation["x-codeSamples"] = [{"lang": "Shell", "source": source}]
        for parameter in operations.get("parameters", ()):
            variable = PATH_VARIABLES[parameter["name"]]
            parameter["example"] = f"${variable}"
            parameter["description"] = VARIABLES[variable]
    return found


def _description(app: Flask) -> str:
    """The guide, with the limits of this server and the variables of the examples."""
    settings = app.extensions["services"].settings
    limits = {
        "Action tokens of a user": settings.token_limit,
        "Increments of a user": settings.increment_limit,
        "Registrations from an address": settings.auth_limit,
        "Logins from an address": settings.auth_limit,
        "Pairing codes for an address": settings.auth_limit,
        "Public reads from an address": settings.read_limit,
        "Requests with a service key": settings.service_limit,
        "Wrong passwords for an account from one address": (settings.login_failure_limit,),
    }
    lines = [f"- {what}: {', '.join(map(_rate, items))}" for what, items in limits.items()]
    lines += [
        f"- Bytes of a request's body: {MAX_BODY_BYTES:,}, and {MAX_BATCH_BYTES:,} at"
        " `/api/service/scores`; more get 413",
        f"- Bytes of a viewer's message: {settings.max_message_bytes:,}; more close with 1009",
        f"- Messages of a viewer: {settings.messages_per_second:,} per second, twice as many in a"
        " burst; more close with 1008",
    ]
    parts = {"LIMITS": "\n".join(lines), "WATCHING": WATCHING, "VARIABLES": _VARIABLES}
    text = _GUIDE
    for name, part in parts.items():
        text = text.replace(f"\n{name}\n", f"\n{part}\n")
    return text


def _rate(limit: RateLimitItem) -> str:
    """Such as "5 per minute" or "1,000 per 10 minutes"."""
    unit = limit.GRANULARITY.name
    window = unit if limit.multiples == 1 else f"{limit.multiples} {unit}s"
    return f"{limit.amount:,} per {window}"


def _add_errors(operation: dict[str, Any], mode: str) -> None:
    """Replace smorest's error replies by the contract's, and add the headers of all replies."""
    possible = [*errors.documented(operation.pop(DOCUMENTED_ERRORS, ())), *errors.OF_MODE[mode]]
    possible.extend(errors.OF_ALL)
    if "requestBody" in operation:
        possible.extend(errors.OF_BODY)
    elif operation.get("parameters"):
        possible.extend(errors.OF_ARGUMENTS)
    responses = operation["responses"]
    responses.pop("default", None)
    responses |= errors.error_responses(possible)
    limited = RateLimited in possible
    for status, response in responses.items():
        response["headers"] = errors.reply_headers(int(status), limited=limited)


def _fields_needed(document: dict[str, Any], body: dict[str, Any]) -> list[str]:
    schema = body["content"]["application/json"]["schema"]
    named = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    needed: list[str] = named.get("required", [])
    return needed


def _add_example(operation: dict[str, Any], example: Example) -> None:
    """Add the example to the operation's parameters, body and reply."""
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in example.query:
            parameter["example"] = example.query[parameter["name"]]
    if example.body is not None:
        operation["requestBody"]["content"]["application/json"]["example"] = example.body
    if example.reply is not None:
        status = min(status for status in operation["responses"] if status.startswith("2"))
        content = operation["responses"][status]["content"]
        content["application/json"]["example"] = example.reply
