"""Each request is counted once, however it ends."""

from __future__ import annotations

import pytest
from flask import Flask
from prometheus_client import REGISTRY

from app.metrics.request_metrics import request_metrics

SECONDS = "scoreboard_http_request_duration_seconds_count"
TOTAL = "scoreboard_http_request_total"
EXCEPTIONS = "scoreboard_http_request_exceptions_total"


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


def app_that_raises(failure: BaseException) -> Flask:
    app = Flask("counted")
    request_metrics.init_app(app)

    @app.get("/ending/<kind>")
    def end(kind: str) -> str:
        raise failure

    @app.errorhandler(Exception)
    def answer(_error: Exception) -> tuple[str, int]:
        return "failed", 503

    return app


def test_a_failure_with_a_reply_counts_as_a_request_but_not_as_an_exception() -> None:
    client = app_that_raises(RuntimeError()).test_client()
    of_reply = {"method": "GET", "status": "503"}
    before = counted(TOTAL, **of_reply), counted(EXCEPTIONS, method="GET", status="500")
    assert client.get("/ending/soon").status_code == 503
    after = counted(TOTAL, **of_reply), counted(EXCEPTIONS, method="GET", status="500")
    assert after == (before[0] + 1, before[1])


def test_a_request_that_ends_without_a_reply_counts_as_a_500_and_an_exception() -> None:
    client = app_that_raises(SystemExit()).test_client()
    series: list[tuple[str, dict[str, str]]] = [
        (SECONDS, {"method": "GET", "route": "/ending/<kind>", "status": "500"}),
        (TOTAL, {"method": "GET", "status": "500"}),
        (EXCEPTIONS, {"method": "GET", "status": "500"}),
    ]
    before = [counted(name, **labels) for name, labels in series]
    with pytest.raises(SystemExit):
        client.get("/ending/soon")
    assert [counted(name, **labels) for name, labels in series] == [n + 1 for n in before]
