"""Reading a request's body: once, before the view, never beyond the route's limit; and its JSON."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import IO, Any

from flask import Flask, Request, current_app
from flask.globals import request_ctx
from werkzeug.exceptions import BadRequest
from werkzeug.utils import cached_property
from werkzeug.wsgi import get_input_stream

from app.contract.errors import PayloadTooLarge, UnsupportedMediaType
from app.contract.limits import MAX_BODY_BYTES
from app.http.request_pool import declared_at_views

View = Callable[..., Any]
_MAX_BODY = "max_body_bytes"
_GZIP = b"\x1f\x8b"
# What decides how deep a text of JSON is nested and how long its numbers are.
_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[0-9]+|[\[\]{}]', re.DOTALL)


class BoundedRequest(Request):
    """Reads one byte more of a body than is accepted, so that a longer one is recognised."""

    @cached_property
    def max_body_bytes(self) -> int:
        """The limit of the request's route."""
        view = current_app.view_functions.get(self.endpoint or "")
        found: int = getattr(view, _MAX_BODY, MAX_BODY_BYTES)
        return found

    @cached_property
    def stream(self) -> IO[bytes]:
        # Werkzeug's own stream, with MAX_CONTENT_LENGTH set, reads from the server twice, 64 KiB
        # each time, and silently cuts a chunked body off.
        return BytesIO(get_input_stream(self.environ).read(self.max_body_bytes + 1))


class UnreadableBody(Exception):
    """A body that is no JSON in UTF-8; the message tells the client what is wrong, and where."""


def json_value(request: Request) -> Any:
    """The value of a body of JSON; raises UnsupportedMediaType and UnreadableBody."""
    text = _json_text(request)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UnreadableBody(f"Invalid JSON {_place(text, error.pos)}.") from None
    except (RecursionError, ValueError):
        raise UnreadableBody(_limit_problem(text)) from None


def _limit_problem(text: str) -> str:
    """Why Python can't convert a text of JSON, and where."""
    depth, deepest, deepest_at = 0, 0, 0
    for token in _TOKENS.finditer(text):
        first, last = token.span()
        if text[first].isdigit() and last - first > sys.get_int_max_str_digits():
            return f"A number with too many digits {_place(text, first)}."
        if text[first] in "[{":
            depth += 1
            if depth > deepest:
                deepest, deepest_at = depth, first
        elif text[first] in "]}":
            depth -= 1
    return f"Nested too deeply, {deepest} levels {_place(text, deepest_at)}."


def _place(text: str, position: int) -> str:
    line, column = text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
    return f"at line {line}, column {column}"


def _json_text(request: Request) -> str:
    """The text of a body of JSON, without a byte order mark.

    Raises UnsupportedMediaType and UnreadableBody.
    """
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.strip().lower() not in {"identity", ""}:
        raise UnsupportedMediaType(f"Send the body without Content-Encoding: {encoding[:40]}")
    if not request.is_json:
        declared = (request.headers.get("Content-Type") or "none")[:80]
        raise UnsupportedMediaType(f"Send Content-Type: application/json; it was {declared}")
    body = request.get_data(cache=True)
    detected = json.detect_encoding(body)
    if detected not in {"utf-8", "utf-8-sig"}:
        name = detected.upper()[: len("UTF-16")]
        raise UnreadableBody(f"The body is in {name}; send JSON in UTF-8.")
    if body.startswith(_GZIP):
        raise UnreadableBody("The body is compressed; send it as it is.")
    try:
        return body.decode(detected)
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} of the body"
        raise UnreadableBody(f"Not UTF-8, perhaps Latin-1: {where}; send JSON in UTF-8.") from None


def read_bodies(app: Flask) -> None:
    """Read every body before its view; the limit holds for views that take no body too."""
    app.request_class = BoundedRequest
    app.before_request(_read)


def max_body(limit: int) -> Callable[[View], View]:
    """Declare a view's own limit for bodies, in bytes, in place of MAX_BODY_BYTES.

    For routes without variables only. Place it directly below the route decorator.
    """

    def declare(view: View) -> View:
        setattr(view, _MAX_BODY, limit)
        return view

    return declare


def declared_body_limits(app: Flask) -> Mapping[bytes, int]:
    """The limit of each route that declares one, by method and path as a request starts."""
    return declared_at_views(app, _MAX_BODY)


def _read() -> None:
    request = request_ctx.request
    assert isinstance(request, BoundedRequest)
    limit = request.max_body_bytes
    if (request.content_length or 0) > limit:
        # The server may have received only a part of it.
        raise PayloadTooLarge(limit)
    try:
        body = request.get_data()
    except Exception as error:
        # gunicorn decodes chunks only when the app reads them, so a malformed chunk is found here.
        # WSGI names no exception for it, so each server raises its own.
        raise BadRequest() from error
    if len(body) > limit:
        raise PayloadTooLarge(limit)
