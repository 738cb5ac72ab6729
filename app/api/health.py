"""/health: readiness of this process (flow 9); /health/live: liveness."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify
from marshmallow import Schema, fields

from app.http.access_control import public
from app.http.request_pool import served_by
from app.http.schemas import Resource
from app.http.services import services

health = Resource("health", __name__, url_prefix="/health", description="Readiness")


class HealthSchema(Schema):
    status = fields.String(required=True, metadata={"description": "`healthy` or `unhealthy`"})
    redis = fields.String(required=True, metadata={"description": "`ok`, or what failed"})
    database = fields.String(required=True, metadata={"description": "`ok`, or what failed"})
    background = fields.String(
        required=True,
        metadata={"description": "`ok`, or `error` if a background part of the process is dead"},
    )
    replica = fields.String(metadata={"description": "Only if DATABASE_READ_URL is set"})
    uptime = fields.Integer(
        required=True, metadata={"description": "Seconds since the process started"}
    )
    timestamp = fields.String(
        required=True, metadata={"format": "date-time", "description": "Time of the checks"}
    )


class LivenessSchema(Schema):
    status = fields.String(required=True, metadata={"description": "Always `alive`"})
    uptime = fields.Integer(
        required=True, metadata={"description": "Seconds since the process started"}
    )


@health.get("/live")
@served_by("health")
@public
@health.response(200, LivenessSchema)
def live() -> dict[str, Any]:
    """Whether the process answers, without checks of other servers: for automatic restarts."""
    return {"status": "alive", "uptime": services().health.uptime_seconds}


@health.get("")
@served_by("health")
@public
@health.alt_response(503, schema=HealthSchema)
@health.response(200, HealthSchema)
def check() -> dict[str, Any] | Response:
    """Whether Redis and PostgreSQL can be written to, within one second; 503 if one can't.

    A failed replica is reported but is no 503, because the primary is read instead.
    """
    report = services().health.check()
    if report.healthy:
        return report.as_json()
    response = jsonify(report.as_json())
    response.status_code = 503
    response.headers["Retry-After"] = "1"
    return response
