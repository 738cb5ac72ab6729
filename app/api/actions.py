"""/actions: tokens that authorise one act each."""

from __future__ import annotations

from flask import Response, jsonify
from marshmallow import Schema, fields

from app.http.access_control import access_token_required, current_identity
from app.http.fraud_warning import WarningSchema, with_fraud_warning
from app.http.reply_headers import set_rate_limit_status
from app.http.request_pool import served_by
from app.http.schemas import Resource
from app.http.services import services
from app.network.client_address import client_address

# ruff: noqa: N815 - the contract's names are camelCase

actions = Resource("actions", __name__, url_prefix="/actions", description="Action tokens")


class ActionTokenSchema(Schema):
    actionToken = fields.String(
        required=True, metadata={"description": "Authorises one increment by this user"}
    )
    expiresIn = fields.Integer(
        required=True, metadata={"description": "Seconds until the token expires"}
    )
    warning = fields.Nested(WarningSchema)


@actions.post("/token")
@served_by("scoring")
@access_token_required
@actions.response(200, ActionTokenSchema)
def issue_token() -> Response:
    """Get a single-use token for one increment.

    ---
    Flow 3.
    """
    issued = services().scoring.issue_token(current_identity(), client_address())
    set_rate_limit_status(issued.rate_limit)
    reply = {
        "actionToken": issued.text,
        "expiresIn": services().settings.action_token_seconds,
    }
    # Not serialized by the schema, because marshmallow would convert each field again.
    return jsonify(with_fraud_warning(reply, flagged=issued.flagged))
