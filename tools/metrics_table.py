"""The table of metrics in docs/operations.md, from the code: `python -m tools.metrics_table`."""

from __future__ import annotations

from typing import Any

from flask import Flask
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

import app.metrics
import broadcaster.metrics
from app.request_metrics import count_requests

PREFIX = "scoreboard_"


def metrics_table() -> str:
    """A row a metric, in Markdown."""
    count_requests(Flask(__name__))
    only_broadcaster = {each for each in vars(broadcaster.metrics).values() if _is_metric(each)}
    both = {each for each in vars(app.metrics).values() if _is_metric(each)}
    of_requests = [each for each in _registered() if each not in only_broadcaster | both]
    rows = [
        *(_row(each, "both") for each in [*of_requests, *_sorted(both)]),
        *(_row(each, "broadcaster") for each in _sorted(only_broadcaster)),
    ]
    head = "| metric | type | labels | shown by | what it says |\n|---|---|---|---|---|"
    return "\n".join([head, *rows])


def _registered() -> list[Any]:
    # The registry has no public list of what it holds, nor a metric of its labels.
    collectors: Any = REGISTRY
    found = {each for each in collectors._collector_to_names if _is_metric(each)}
    return _sorted({each for each in found if each._name.startswith(PREFIX)})


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
