"""/metrics: what this server has counted, all of its workers together."""

from __future__ import annotations

import struct
import time

from flask import Blueprint, Response, request

from app.http.authentication import public
from app.http.services import services
from app.metrics_access import check_metrics_access
from app.request_metrics import exposition
from config.shared_metrics import reading_metrics

BEGINNING_SECONDS, AGAIN_SECONDS = 0.5, 0.005

metrics = Blueprint("metrics", __name__)


@metrics.get("/metrics")
@public
def show() -> Response:
    """The counts of every worker, whichever answers; for this machine, or with METRICS_TOKEN."""
    check_metrics_access(request, services().settings.metrics_token)
    until = time.monotonic() + BEGINNING_SECONDS
    with reading_metrics():
        while True:
            try:
                return exposition()
            except struct.error:
                # For a moment the file of a worker that begins is empty, which prometheus_client
                # can't read.
                if time.monotonic() > until:
                    raise
                time.sleep(AGAIN_SECONDS)
