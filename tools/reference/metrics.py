"""The table of metrics."""

from __future__ import annotations

from typing import Any

from prometheus_client.metrics import MetricWrapperBase

import app.metrics.counters
import app.metrics.request_metrics
import broadcaster.metrics


def metrics_table() -> str:
    """One row for each metric, in Markdown."""
    only_broadcaster = {each for each in vars(broadcaster.metrics).values() if _is_metric(each)}
    both = {each for each in vars(app.metrics.counters).values() if _is_metric(each)}
    of_requests = {each for each in vars(app.metrics.request_metrics).values() if _is_metric(each)}
    rows = [
        *(_row(each, "both") for each in [*_sorted(of_requests), *_sorted(both)]),
        *(_row(each, "broadcaster") for each in _sorted(only_broadcaster)),
    ]
    head = "| metric | type | labels | shown by | meaning |\n|---|---|---|---|---|"
    return "\n".join([head, *rows])


def _sorted(metrics: set[Any]) -> list[Any]:
    return sorted(metrics, key=lambda each: str(each.describe()[0].name))


def _is_metric(candidate: object) -> bool:
    return isinstance(candidate, MetricWrapperBase)


def _row(metric: Any, shown_by: str) -> str:
    (described,) = metric.describe()
    name = described.name + ("_total" if described.type == "counter" else "")
    # prometheus_client shows the names of the labels nowhere else.
    labels = ", ".join(f"`{label}`" for label in metric._labelnames)  # noqa: SLF001
    return f"| `{name}` | {described.type} | {labels} | {shown_by} | {described.documentation} |"
