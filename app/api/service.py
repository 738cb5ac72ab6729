"""/service: scores from a trusted server."""

from __future__ import annotations

from typing import Any, get_args

from flask import Response, jsonify
from marshmallow import Schema, fields, validate

from app.contract.errors import DatabaseUnavailable, RateLimited
from app.contract.limits import MAX_BATCH_BYTES
from app.http.access_control import current_service_key, service_key_required
from app.http.body import max_body
from app.http.schemas import Resource
from app.http.services import services
from app.scoring.service_scores import MAX_ACTS, Status

service = Resource("service", __name__, url_prefix="/service", description="Trusted servers")


class ScoresSchema(Schema):
    # Each act is checked on its own, so that a malformed one does not spoil the others.
    scores = fields.List(
        fields.Raw(allow_none=True),
        required=True,
        validate=validate.Length(1, MAX_ACTS),
        metadata={
            "description": "Acts: `id` (a UUIDv7 made by the caller), `userId` or `username`,"
            " `board`, `points`, and perhaps `label`"
        },
    )


class ActResultSchema(Schema):
    id = fields.String(
        required=True, allow_none=True, metadata={"description": "The id as it was sent"}
    )
    status = fields.String(
        required=True,
        validate=validate.OneOf([name for part in get_args(Status) for name in get_args(part)]),
        metadata={"description": "What became of the act"},
    )
    score = fields.Integer(
        metadata={
            "description": "The player's score after the act, in the board's first period; missing"
            " while a freeze hides the act"
        }
    )
    rank = fields.Integer(metadata={"description": "The present rank of this score"})
    details = fields.Dict(
        keys=fields.String(),
        metadata={"description": "`invalid`: messages by field. `not_open`: the board's times"},
    )


class ResultsSchema(Schema):
    results = fields.List(
        fields.Nested(ActResultSchema),
        required=True,
        metadata={"description": "One for each act, in the order of the request"},
    )


@service.post("/scores")
@max_body(MAX_BATCH_BYTES)
@service_key_required
@service.document_errors(RateLimited, DatabaseUnavailable)
@service.arguments(ScoresSchema)
@service.response(200, ResultsSchema)
def count_scores(body: dict[str, Any]) -> Response:
    """Count up to 500 acts, each exactly once.

    If a reply is lost, or is DB_ERROR, repeat the request with the same ids within a day: an act
    that was counted is answered with `repeated` and its first score. The same id with another
    player, board or number of points is a `conflict`.
    """
    answers = services().service_scores.count(current_service_key().boards, body["scores"])
    # Not serialized by the schema, because marshmallow would take longer than the counting.
    return jsonify({"results": [answer.as_json() for answer in answers]})
