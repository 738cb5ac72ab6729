"""Every request counted by method, route and status, with its duration, in API and broadcaster."""

from __future__ import annotations

from flask import Flask, Request, Response, request
from prometheus_flask_exporter import PrometheusMetrics

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 5)
"""Seconds; a request that a dead dependency holds up is answered within 2."""


def route(counted: Request) -> str:
    """The template of the request's path, never the path itself, or each user had a series."""
    return counted.url_rule.rule if counted.url_rule else "none"


_exporter = PrometheusMetrics.for_app_factory(
    path=None, group_by=route, defaults_prefix="scoreboard", buckets=BUCKETS
)


def count_requests(app: Flask) -> None:
    """Install the hooks; a request that an earlier hook answers is not counted."""
    _exporter.init_app(app)
    # Called before the exporter's own hook, since Flask calls them from the last to the first.
    app.after_request(_bound_method)


def exposition() -> Response:
    """All that was counted, in Prometheus' text format or OpenMetrics, as the request asks."""
    text, content_type = _exporter.generate_metrics(request.headers.get("Accept"))
    return Response(text, content_type=content_type)


def _bound_method(response: Response) -> Response:
    # Clients can make methods up, and each would be a series for ever.
    if request.method not in METHODS:
        request.method = "other"
    return response
