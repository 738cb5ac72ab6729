"""A request's body: read once, before the view, and never beyond the limit."""

from __future__ import annotations

from io import BytesIO
from typing import IO

from flask import Flask, Request
from flask.globals import request_ctx
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.utils import cached_property
from werkzeug.wsgi import get_input_stream

LONGEST_BODY = 16 * 1024


class BoundedRequest(Request):
    """Reads so much of the body that what is too long can be seen to be."""

    @cached_property
    def stream(self) -> IO[bytes]:
        # Werkzeug's own, with MAX_CONTENT_LENGTH set, asks the server twice, for 64 KiB each, and
        # cuts a chunked body off without a word.
        return BytesIO(get_input_stream(self.environ).read(LONGEST_BODY + 1))


def read_bodies(app: Flask) -> None:
    """Install the hook that reads; the limit holds for handlers that take no body too."""
    app.request_class = BoundedRequest
    app.before_request(_read)


def _read() -> None:
    request = request_ctx.request
    if (request.content_length or 0) > LONGEST_BODY:
        # Not all of it need have come (config/whole_requests.py).
        raise RequestEntityTooLarge()
    try:
        body = request.get_data()
    except (ParseException, OSError, ValueError) as error:
        # gunicorn reads chunks only as the app does, so here shows what is wrong with them.
        raise BadRequest() from error
    if len(body) > LONGEST_BODY:
        raise RequestEntityTooLarge()
