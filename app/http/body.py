"""Reading a request's body: once, before the view, never beyond the route's limit; and its JSON."""

from __future__ import annotations

import json
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


class UnreadableText(Exception):
    """A body that is not UTF-8; the message tells the client what is wrong with it."""


def json_text(request: Request) -> str:
    """The text of a body of JSON, without a byte order mark.

    Raises UnsupportedMediaType and UnreadableText.
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
        raise UnreadableText(f"The body is in {name}; send JSON in UTF-8.")
    if body.startswith(_GZIP):
        raise UnreadableText("The body is compressed; send it as it is.")
    try:
        return body.decode(detected)
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} of the body"
        raise UnreadableText(f"Not UTF-8, perhaps Latin-1: {where}; send JSON in UTF-8.") from None


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
