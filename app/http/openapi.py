"""The OpenAPI document: smorest's, and what follows from how a view declares who may call it."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from apispec import APISpec
from flask import Flask

from app.http.authentication import AUTH_MODE

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


def document(app: Flask, spec: APISpec) -> dict[str, Any]:
    """The document with the security of each operation and the errors that follow from it."""
    views = {
        (_PARAMETER.sub(r"{\1}", rule.rule), method.lower()): app.view_functions[rule.endpoint]
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    found: dict[str, Any] = spec.to_dict()
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            if (path, method) not in views:
                continue  # what all operations of the path share
            mode = getattr(views[path, method], AUTH_MODE)
            if mode != "public":
                operation["security"] = [{"accessToken": []}]
            body = _OF_BODY if "requestBody" in operation else ()
            for status in (*_OF_AUTH[mode], *body, *_OF_ANY):
                described = {"description": HTTPStatus(status).phrase, "content": _ERROR}
                operation["responses"].setdefault(str(status), described)
    return found
