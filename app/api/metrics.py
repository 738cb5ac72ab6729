"""/metrics: the metrics of all workers of this server, or a metric that says that it can't."""

from __future__ import annotations

import struct
import time

from flask import Blueprint, Response, request

from app.http.access_control import check_metrics_access, public
from app.http.services import services
from app.metrics.counters import ONE_PROCESS
from app.metrics.multiprocess import are_counts_shared, reading_metrics
from app.metrics.request_metrics import exposition

WORKER_START_SECONDS, RETRY_SECONDS = 0.5, 0.005

metrics = Blueprint("metrics", __name__)


@metrics.get("/metrics")
@public
def show() -> Response:
    """The metrics of all workers; for this machine, or with METRICS_TOKEN."""
    check_metrics_access(request, services().settings)
    if not are_counts_shared():
        ONE_PROCESS.set(1)
    deadline = time.monotonic() + WORKER_START_SECONDS
    with reading_metrics():
        while True:
            try:
                return exposition()
            except struct.error:
                # The file of a worker that is starting is empty for a moment, and prometheus_client
                # can't read an empty file.
                if time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_SECONDS)
