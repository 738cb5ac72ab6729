"""/actions: tokens that authorise one act each."""

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

actions = Resource("actions", __name__, url_prefix="/actions", description="Action tokens")


class ActionTokenSchema(Schema):
    actionToken = fields.String(required=True)
    expiresIn = fields.Integer(required=True)
    warning = fields.Nested(WarningSchema)


@actions.post("/token")
@admitted
@actions.response(200, ActionTokenSchema)
def issue_token() -> Response:
    """Get a single-use token for one increment (flow 3)."""
    issued = services().scoring.issue_token(current_identity(), caller_address())
    note_allowance(issued.allowance)
    reply = {
        "actionToken": issued.text,
        "expiresIn": services().settings.action_token_seconds,
    }
    # Made here, because marshmallow would look at each field for what it is already.
    return jsonify(warned(reply, flagged=issued.flagged))
