"""Every request counted by method, route and status, with its duration, in API and broadcaster."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from time import perf_counter

from flask import Flask, Request, Response, request
from flask.globals import app_ctx, request_ctx
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import MutexValue, ValueClass

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 5)
"""Seconds; a request that a dead dependency holds up is answered within 2."""
NO_REPLY = 500
"""The status by which a request is counted that ended without one."""

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


def route(counted: Request) -> str:
    """The template of the request's path, never the path itself, or each user had a series."""
    return counted.url_rule.rule if counted.url_rule else "none"


def count_requests(app: Flask) -> None:
    """Install the hooks; the time of a request begins with the first of them."""
    app.before_request(_begin)
    app.after_request(_finish)
    app.teardown_request(_end)


def exposition() -> Response:
    """All that was counted, in Prometheus' text format or OpenMetrics, as the request asks."""
    counted = REGISTRY
    if ValueClass is not MutexValue:
        # Other processes count too, each in a file of its own.
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(counted), content_type=content_type)


def _begin() -> None:
    app_ctx.g.counted_from = perf_counter()


def _finish(response: Response) -> Response:
    _count(response.status_code)
    return response


def _end(error: BaseException | None) -> None:
    # Whatever fails in a view has its reply. This is what ends a thread, or fails in a hook.
    if error is not None:
        EXCEPTIONS.labels(_method(), NO_REPLY).inc()
        _count(NO_REPLY)


def _count(status: int) -> None:
    begun = app_ctx.g.pop("counted_from", None)
    if begun is not None:
        observe, add = _series(_method(), route(request_ctx.request), status)
        observe(perf_counter() - begun)
        add()


@cache
def _series(
    method: str, path: str, status: int
) -> tuple[Callable[[float], None], Callable[[], None]]:
    """What counts such requests; prometheus_client looks at each label each time it is asked."""
    return DURATION.labels(method, path, status).observe, TOTAL.labels(method, status).inc


def _method() -> str:
    # Clients can make methods up, and each would be a series for ever.
    method = request_ctx.request.method
    return method if method in METHODS else "other"
