"""The table of metrics in docs/operations.md, from the code: `python -m tools.metrics_table`."""

from __future__ import annotations

from typing import Any

from prometheus_client.metrics import MetricWrapperBase

import app.metrics
import app.request_metrics
import broadcaster.metrics


def metrics_table() -> str:
    """A row a metric, in Markdown."""
    only_broadcaster = {each for each in vars(broadcaster.metrics).values() if _is_metric(each)}
    both = {each for each in vars(app.metrics).values() if _is_metric(each)}
    of_requests = {each for each in vars(app.request_metrics).values() if _is_metric(each)}
    rows = [
        *(_row(each, "both") for each in [*_sorted(of_requests), *_sorted(both)]),
        *(_row(each, "broadcaster") for each in _sorted(only_broadcaster)),
    ]
    head = "| metric | type | labels | shown by | what it says |\n|---|---|---|---|---|"
    return "\n".join([head, *rows])


def _sorted(metrics: set[Any]) -> list[Any]:
    return sorted(metrics, key=lambda each: str(each._name))


def _is_metric(candidate: object) -> bool:
    return isinstance(candidate, MetricWrapperBase)


def _row(metric: Any, shown_by: str) -> str:
    name = metric._name + ("_total" if metric._type == "counter" else "")
    labels = ", ".join(f"`{label}`" for label in metric._labelnames)
    return f"| `{name}` | {metric._type} | {labels} | {shown_by} | {metric._documentation} |"


if __name__ == "__main__":
    print(metrics_table())
