"""The app's JSON, and replies that Werkzeug doesn't check once more."""

from __future__ import annotations

import json

import pytest
from flask import Response, jsonify
from werkzeug.test import Client

from app.http.flask_app import SyncFlask


@pytest.fixture
def app() -> SyncFlask:
    """An app without services."""
    return SyncFlask(__name__, static_folder=None)


def test_json_is_compact_utf8_in_the_order_of_the_code(app: SyncFlask) -> None:
    with app.app_context():
        assert jsonify({"b": "ü", "a": [1, None]}).data == '{"b":"ü","a":[1,null]}\n'.encode()


def test_a_lone_surrogate_in_a_reply_is_escaped(app: SyncFlask) -> None:
    with app.app_context():
        written = jsonify({"field": "\udfff"}).data
    assert json.loads(written) == {"field": "\udfff"}


@pytest.mark.parametrize("status", [200, 204, 301, 304, 404])
def test_a_reply_has_the_headers_that_werkzeug_gives_it(app: SyncFlask, status: int) -> None:
    def view() -> Response:
        reply: Response = app.response_class("text", status, {"Location": "/there", "X-A": "b"})
        return reply

    app.add_url_rule("/", view_func=view)
    environ = {"wsgi.url_scheme": "http", "HTTP_HOST": "board.example"}
    ours = Client(app).get("/", environ_base=environ)
    expected = Response("text", status, {"Location": "/there", "X-A": "b"})
    assert ours.headers == expected.get_wsgi_headers({**environ, "REQUEST_METHOD": "GET"})
