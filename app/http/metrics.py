"""/metrics: what this server has counted, all of its workers together."""

from __future__ import annotations

from flask import Blueprint, Response

from app.http.authentication import public
from app.request_metrics import exposition
from config.shared_metrics import reading_metrics

metrics = Blueprint("metrics", __name__)


@metrics.get("/metrics")
@public
def show() -> Response:
    """The counts of every worker, whichever answers."""
    with reading_metrics():
        return exposition()
