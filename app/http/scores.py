"""/scores: points."""

from __future__ import annotations

from flask import Response, jsonify
from marshmallow import Schema, fields

from app.http.allowance import note_allowance
from app.http.authentication import admitted, current_identity
from app.http.limits import caller_address
from app.http.schemas import Resource
from app.http.services import services
from app.http.suspicion import WarningSchema, warned

# ruff: noqa: N815 - the contract's names are camelCase

scores = Resource("scores", __name__, url_prefix="/scores", description="Points")


class IncrementSchema(Schema):
    actionToken = fields.String(required=True)


class OutcomeSchema(Schema):
    newScore = fields.Integer(required=True)
    newRank = fields.Integer(required=True)
    boardVersion = fields.Integer(required=True, allow_none=True)
    warning = fields.Nested(WarningSchema)


@scores.post("/increment")
@admitted
@scores.arguments(IncrementSchema)
@scores.response(200, OutcomeSchema)
def increment(body: dict[str, str]) -> Response:
    """Spend an action token for one point (flow 4).

    Repeat the same token after a lost answer until you hear 200, TOKEN_USED or TOKEN_EXPIRED.
    """
    counted = services().scoring.increment(
        current_identity(), body["actionToken"], caller_address()
    )
    note_allowance(counted.allowance)
    # Made here, because marshmallow would look at each field for what it is already.
    return jsonify(warned(counted.outcome.as_json(), flagged=counted.flagged))
