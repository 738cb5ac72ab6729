"""The app finds its routes as Flask would, though it asks for less."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder

from app.sync_flask import SyncFlask

APP = SyncFlask(__name__, static_folder=None)


@pytest.mark.parametrize(
    "asked",
    [
        EnvironBuilder("/api/leaderboard", query_string="limit=10"),
        EnvironBuilder("//api//x/", method="DELETE", base_url="https://board.example:8443"),
        EnvironBuilder("/ä/%2F%20", query_string="name=ü&b=%FF", base_url="http://[::1]:8000"),
        EnvironBuilder("", base_url="http://board.example/mounted/below/"),
        EnvironBuilder("/", base_url="http://BOARD.example:80"),
        EnvironBuilder("/", base_url="https://board.example:443"),
    ],
    ids=lambda asked: asked.path or "nothing",
)
def test_a_request_is_bound_as_flask_binds_it(asked: EnvironBuilder) -> None:
    environ = asked.get_environ()
    request, flasks = APP.request_class(environ), APP.request_class(environ)
    ours, theirs = APP.create_url_adapter(request), Flask.create_url_adapter(APP, flasks)
    assert ours is not None and theirs is not None
    bound, expected = vars(ours), vars(theirs)
    # Flask writes the host in lower case; a redirect's address is the same either way.
    assert bound.pop("server_name").lower() == expected.pop("server_name")
    # What matching and building make of them: both strip and add the slashes at the edges.
    for attributes in (bound, expected):
        attributes["path_info"] = "/" + attributes["path_info"].lstrip("/")
    assert bound == expected
    assert request.host == flasks.host


@pytest.mark.parametrize("host", ["a b", "a/b", "user@board", "", "a\tb", "<script>"])
def test_what_can_be_no_host_is_told_to_nobody(host: str) -> None:
    environ = EnvironBuilder("/").get_environ()
    environ["HTTP_HOST"] = host
    request = APP.request_class(environ)
    adapter = APP.create_url_adapter(request)
    assert adapter is not None
    assert (request.host, adapter.server_name) == ("", "")
