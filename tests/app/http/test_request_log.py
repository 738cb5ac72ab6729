"""The log line of a request that failed by an unexpected error."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

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
