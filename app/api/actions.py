"""/actions: tokens that authorise one act each."""

from __future__ import annotations

from flask import Response, jsonify
from marshmallow import EXCLUDE, Schema, fields, validate

from app.boards.board import MAIN_KEY
from app.contract.errors import BoardNotOpen, Forbidden, NotFound
from app.http.access_control import access_token_required, current_identity
from app.http.fraud_warning import WarningField, with_fraud_warning
from app.http.reply_headers import set_rate_limit_status
from app.http.request_pool import served_by
from app.http.schemas import Resource
from app.http.services import services
from app.network.client_address import client_address

# ruff: noqa: N815 - the contract's names are camelCase

actions = Resource("actions", __name__, url_prefix="/actions", description="Action tokens")


class BoardChoiceSchema(Schema):
    class Meta:
        # Clients from before there were boards may send any object.
        unknown = EXCLUDE

    board = fields.String(
        load_default=MAIN_KEY,
        validate=validate.Length(1, 64),
        metadata={"description": "The key of a board that players score on; default: `main`"},
    )


class ActionTokenSchema(Schema):
    actionToken = fields.String(
        required=True, metadata={"description": "Authorises one increment by this user"}
    )
    expiresIn = fields.Integer(
        required=True, metadata={"description": "Seconds until the token expires"}
    )
    warning = WarningField()


@actions.post("/token")
@served_by("scoring")
@access_token_required
@actions.document_errors(NotFound, Forbidden, BoardNotOpen)
@actions.arguments(BoardChoiceSchema)
@actions.response(200, ActionTokenSchema)
def issue_token(body: dict[str, str]) -> Response:
    """Get a single-use token for one increment on a board.

    FORBIDDEN: only a service key scores on this board. BOARD_NOT_OPEN: the board has not opened,
    is closed or is archived; `details` has its times.

    ---
    Flow 3.
    """
    issued = services().scoring.issue_token(current_identity(), client_address(), body["board"])
    set_rate_limit_status(issued.rate_limit)
    reply = {
        "actionToken": issued.text,
        "expiresIn": services().settings.action_token_seconds,
    }
    # Not serialized by the schema, because marshmallow would convert each field again.
    return jsonify(with_fraud_warning(reply, flagged=issued.flagged))
