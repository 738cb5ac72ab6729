"""/scores: spends an action token for one point."""

from __future__ import annotations

from flask import Response, jsonify
from marshmallow import Schema, fields

from app.contract.errors import BoardNotOpen, TokenExpired, TokenInvalid, TokenUsed
from app.http.access_control import access_token_required, current_identity
from app.http.fraud_warning import WarningField, with_fraud_warning
from app.http.reply_headers import set_rate_limit_status
from app.http.request_pool import served_by
from app.http.schemas import Resource
from app.http.services import services
from app.network.client_address import client_address

# ruff: noqa: N815 - the contract's names are camelCase

scores = Resource("scores", __name__, url_prefix="/scores", description="Points")


class IncrementSchema(Schema):
    actionToken = fields.String(
        required=True,
        metadata={"description": "`actionToken` of POST /api/actions/token; counts once"},
    )


class OutcomeSchema(Schema):
    newScore = fields.Integer(
        required=True, metadata={"description": "The player's points with this one"}
    )
    newRank = fields.Integer(
        required=True,
        metadata={"description": "The player's competition rank at the moment of counting"},
    )
    boardVersion = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "The first board version with the point; null if Redis failed"},
    )
    warning = WarningField()


@scores.post("/increment")
@served_by("scoring")
@access_token_required
@scores.document_errors(TokenInvalid, TokenExpired, TokenUsed, BoardNotOpen)
@scores.arguments(IncrementSchema)
@scores.response(200, OutcomeSchema)
def increment(body: dict[str, str]) -> Response:
    """Spend an action token for one point.

    If a reply is lost, repeat the request with the same token until the reply is 200, TOKEN_USED
    or TOKEN_EXPIRED.

    ---
    Flow 4.
    """
    counted = services().scoring.increment(
        current_identity(), body["actionToken"], client_address()
    )
    set_rate_limit_status(counted.rate_limit)
    # Not serialized by the schema, because marshmallow would convert each field again.
    return jsonify(with_fraud_warning(counted.outcome.as_json(), flagged=counted.flagged))
