"""Requests by method, route and status, with their duration, in the API and the broadcaster."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from time import perf_counter
from typing import Any

from flask import Flask, Request, Response, request
from flask.globals import app_ctx, request_ctx
from prometheus_client import Counter, Histogram
from prometheus_flask_exporter import PrometheusMetrics

from app.metrics import counters
from app.observability.logging import take_dropped_lines

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
OTHER_METHOD = "other"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 5)
"""Seconds. A request that waits for a failed store is answered within 2."""
NO_REPLY = 500
"""The status of a request that ended without a reply."""

DURATION = Histogram(
    "scoreboard_http_request_duration_seconds",
    "Flask HTTP request duration in seconds",
    ["method", "route", "status"],
    buckets=BUCKETS,
)
TOTAL = Counter(
    "scoreboard_http_request_total", "Total number of HTTP requests", ["method", "status"]
)
EXCEPTIONS = Counter(
    "scoreboard_http_request_exceptions_total",
    "Total number of HTTP requests which resulted in an exception",
    ["method", "status"],
)


class RequestMetrics(PrometheusMetrics):  # type: ignore[misc]
    """prometheus-flask-exporter with cheaper hooks, for all requests of any number of apps.

    The library's own hooks resolve each label and several attributes of Flask's request proxy for
    each request. These look up the series of the request once (docs/decisions/0008).
    """

    def export_defaults(self, *_arguments: Any, app: Flask, **_options: Any) -> None:
        """Install the hooks; init_app() calls this."""
        app.before_request(_start)
        app.after_request(_count_reply)
        app.teardown_request(_count_exception)


# No path: /metrics is a view of its own in each process, with access control.
request_metrics = RequestMetrics.for_app_factory(path=None)


def exposition() -> Response:
    """The metrics of all processes, in Prometheus' text format or OpenMetrics as requested."""
    text, content_type = request_metrics.generate_metrics(request.headers.get("Accept"))
    return Response(text, content_type=content_type)


def _start() -> None:
    app_ctx.g.counting_since = perf_counter()


def _count_reply(response: Response) -> Response:
    _count(response.status_code)
    return response


def _count_exception(error: BaseException | None) -> None:
    # An exception in a view has a reply. This is an exception in a hook or the end of a thread.
    if error is not None:
        EXCEPTIONS.labels(_method(), NO_REPLY).inc()
        _count(NO_REPLY)


def _count(status: int) -> None:
    if dropped := take_dropped_lines():
        counters.LOG_LINES_DROPPED.inc(dropped)
    started_at = app_ctx.g.pop("counting_since", None)
    if started_at is not None:
        observe, increment = _series(_method(), _route(request_ctx.request), status)
        observe(perf_counter() - started_at)
        increment()


@cache
def _series(
    method: str, path: str, status: int
) -> tuple[Callable[[float], None], Callable[[], None]]:
    """The series of such requests. Cached, because `labels` converts and compares each label."""
    return DURATION.labels(method, path, status).observe, TOTAL.labels(method, status).inc


def _method() -> str:
    # Clients can invent methods, and each would be a series that never ends.
    method = request_ctx.request.method
    return method if method in METHODS else OTHER_METHOD


def _route(request: Request) -> str:
    """The template of the request's path. The path itself would make a series for each user."""
    return request.url_rule.rule if request.url_rule else "none"
