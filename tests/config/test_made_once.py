"""What gunicorn's workers keep is what gunicorn would make anew."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from gunicorn import util
from gunicorn.config import Config
from gunicorn.http import wsgi

from config.made_once import make_once

SECOND = 1_795_613_546


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # Set to what they are, so that both are put back at the end.
    monkeypatch.setattr(util, "http_date", util.http_date)
    monkeypatch.setattr(wsgi, "WSGIErrorsWrapper", wsgi.WSGIErrorsWrapper)
    yield


def test_each_second_has_its_own_date(monkeypatch: pytest.MonkeyPatch) -> None:
    make_once()
    told = []
    for now in (SECOND + 0.1, SECOND + 0.9, SECOND + 1, SECOND + 60):
        monkeypatch.setattr("time.time", lambda now=now: now)
        told.append(util.http_date())
    assert told == [
        "Wed, 25 Nov 2026 13:32:26 GMT",
        "Wed, 25 Nov 2026 13:32:26 GMT",
        "Wed, 25 Nov 2026 13:32:27 GMT",
        "Wed, 25 Nov 2026 13:33:26 GMT",
    ]


def test_a_given_moment_is_written_as_gunicorn_writes_it() -> None:
    formatted = util.http_date
    make_once()
    for moment in (0, 1, SECOND, SECOND + 0.5):
        assert util.http_date(moment) == formatted(moment)


def test_what_a_request_has_to_tell_goes_where_gunicorn_writes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_once()
    settings = Config()
    first, second = (wsgi.base_environ(settings)["wsgi.errors"] for _ in range(2))
    assert first is second
    first.write("told\n")
    assert capsys.readouterr().err == "told\n"
    assert sys.stderr in first.streams
