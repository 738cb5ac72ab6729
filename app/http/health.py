"""/health: whether this process can do its work (flow 9); /health/live: whether it answers."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify
from marshmallow import Schema, fields

from app.http.authentication import public
from app.http.schemas import Resource
from app.http.services import services

health = Resource("health", __name__, url_prefix="/health", description="Readiness")


class HealthSchema(Schema):
    status = fields.String(required=True)
    redis = fields.String(required=True)
    database = fields.String(required=True)
    replica = fields.String(metadata={"description": "Only with DATABASE_READ_URL"})
    uptime = fields.Integer(required=True)
    timestamp = fields.String(required=True, metadata={"format": "date-time"})


class LivenessSchema(Schema):
    status = fields.String(required=True)
    uptime = fields.Integer(required=True)


@health.get("/live")
@public
@health.response(200, LivenessSchema)
def live() -> dict[str, Any]:
    """That the process answers; asks nothing else, for who restarts what hangs."""
    return {"status": "alive", "uptime": services().health.uptime_seconds}


@health.get("")
@public
@health.alt_response(503, schema=HealthSchema)
@health.response(200, HealthSchema)
def check() -> dict[str, Any] | Response:
    """Redis and PostgreSQL, each asked within a second; 503 when one fails.

    A replica that fails is told of, but the primary is read instead, so it is no 503.
    """
    report = services().health.check()
    if report.healthy:
        return report.as_json()
    response = jsonify(report.as_json())
    response.status_code = 503
    response.headers["Retry-After"] = "1"
    return response
