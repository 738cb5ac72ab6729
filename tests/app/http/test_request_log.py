"""The log line of a request that failed by an error or was refused."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from app.contract.errors import ServerBusy
from app.factory import create_app
from app.http.access_control import public
from tests.support.services import Services

pytestmark = pytest.mark.slow


def test_an_unexpected_error_is_one_log_line_with_its_cause_and_stack(services: Services) -> None:
    app = create_app(services)

    @public
    def fail() -> str:
        try:
            return dict[str, str]()["missing"]
        except KeyError as error:
            raise RuntimeError("while adding up") from error

    app.add_url_rule("/fail", "fail", fail)
    with capture_logs() as lines:
        reply = app.test_client().get("/fail", headers={"X-Request-Id": "mine"})
    assert reply.status_code == 500
    assert reply.get_json()["requestId"] == "mine"
    assert reply.get_json()["code"] == "INTERNAL_ERROR"
    (line,) = lines
    assert (line["event"], line["log_level"], line["status"]) == ("request", "error", 500)
    assert (line["method"], line["path"]) == ("GET", "/fail")
    assert (line["code"], line["cause"]) == ("INTERNAL_ERROR", "KeyError: 'missing'")
    assert isinstance(line["exc_info"], RuntimeError)


def test_an_intended_503_is_one_warning_without_a_stack(services: Services) -> None:
    app = create_app(services)

    @public
    def refuse() -> str:
        raise ServerBusy

    app.add_url_rule("/refuse", "refuse", refuse)
    with capture_logs() as lines:
        reply = app.test_client().get("/refuse")
    assert reply.status_code == 503
    (line,) = lines
    assert (line["event"], line["log_level"], line["status"]) == ("request", "warning", 503)
    assert (line["code"], line["cause"]) == (ServerBusy.code, f"ServerBusy: {ServerBusy().message}")
    assert line.keys().isdisjoint({"exc_info", "stack_info", "exception"})
