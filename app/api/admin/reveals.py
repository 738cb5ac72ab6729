"""/admin/boards/KEY/reveal: admins show the hidden acts of a board step by step."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import Schema, fields, validate

from app.api.admin.initiator import current_initiator
from app.api.admin.schemas import ReasonSchema
from app.api.boards.board_json import board_json, download_headers, reveal_json
from app.api.boards.contest_schemas import AnnouncedPlayerSchema, MoveSchema
from app.api.boards.final_table import TABLE_FORMATS, signed_table
from app.api.boards.schemas import BoardSettingsSchema, PeriodQuerySchema
from app.boards.board import STATES
from app.contest.reveal_rows import STEPS
from app.contract.errors import BoardNotFinished, NotFound
from app.http.access_control import admin_required
from app.http.schemas import Resource
from app.http.services import services

admin_reveals = Resource(
    "admin_reveals",
    __name__,
    url_prefix="/admin/boards",
    description="Reveals of frozen boards, for admins",
)


class UndoSchema(ReasonSchema):
    number = fields.Integer(
        load_default=None,
        strict=True,
        validate=validate.Range(1, 2**31 - 1),
        metadata={
            "description": "The number of the step; if it is another one, nothing changes. Default:"
            " whichever is due"
        },
    )


class RevealRequestSchema(UndoSchema):
    step = fields.String(
        load_default="act",
        validate=validate.OneOf(STEPS),
        metadata={
            "description": "`act`: one act of the next player; `player`: all acts of the next"
            " player; `all`: all acts of all players"
        },
    )


class NextPlayerSchema(AnnouncedPlayerSchema):
    remaining = fields.Integer(required=True, metadata={"description": "Steps of one act each"})


class TableQuerySchema(PeriodQuerySchema):
    format = fields.String(
        load_default="json",
        validate=validate.OneOf(TABLE_FORMATS),
        metadata={"description": "The format of the payload"},
    )


class RevealSchema(Schema):
    board = fields.String(required=True, metadata={"description": "The board's key"})
    state = fields.String(
        required=True,
        validate=validate.OneOf(STATES),
        metadata={"description": "The state of the board"},
    )
    number = fields.Integer(
        required=True, metadata={"description": "Of the last step; 0 if there is none"}
    )
    remaining = fields.Integer(required=True, metadata={"description": "Acts to be revealed"})
    next = fields.Nested(
        NextPlayerSchema,
        required=True,
        allow_none=True,
        metadata={"description": "The player of the next step; null if all is revealed"},
    )
    moves = fields.List(
        fields.Nested(MoveSchema),
        required=True,
        metadata={"description": "What this request has revealed; at most the last 10 players"},
    )


@admin_reveals.get("/<key>/reveal")
@admin_required
@admin_reveals.document_errors(NotFound)
@admin_reveals.response(200, RevealSchema)
def read_reveal(key: str) -> dict[str, Any]:
    """How far the reveal is, and which player is next."""
    return reveal_json(services().reveals.state(key))


@admin_reveals.post("/<key>/reveal")
@admin_required
@admin_reveals.document_errors(NotFound)
@admin_reveals.arguments(RevealRequestSchema)
@admin_reveals.response(200, RevealSchema)
def reveal(body: dict[str, Any], key: str) -> dict[str, Any]:
    """Show hidden acts of the lowest-ranked player that has some, or all hidden acts.

    The reply has the resulting state, also if nothing is hidden. A request with the `number` of
    its step, one more than that of the last reply, can be repeated: the step is made once.
    """
    found = services().reveals.reveal(current_initiator(body), key, body["step"], body["number"])
    return reveal_json(found)


@admin_reveals.post("/<key>/reveal/undo")
@admin_required
@admin_reveals.document_errors(NotFound)
@admin_reveals.arguments(UndoSchema)
@admin_reveals.response(200, RevealSchema)
def undo_reveal(body: dict[str, Any], key: str) -> dict[str, Any]:
    """Hide again what the last step has shown. The reply has the resulting state.

    Nothing changes if there is no step, or if the freeze has ended: by `unfreeze`, or by `finalize`
    after the last step. A final board that is still frozen has steps and undo as a closed one.
    """
    return reveal_json(services().reveals.undo(current_initiator(body), key, body["number"]))


@admin_reveals.post("/<key>/finalize")
@admin_required
@admin_reveals.document_errors(NotFound, BoardNotFinished)
@admin_reveals.arguments(ReasonSchema)
@admin_reveals.response(200, BoardSettingsSchema)
def finalize(body: dict[str, Any], key: str) -> dict[str, Any]:
    """Declare the standings of a closed board final. Its times can't be changed any more.

    This ends the freeze if the reveal has shown everything. Otherwise acts stay hidden, and
    `thawedAt` stays null, until the board is unfrozen; steps and undo work as before.
    BOARD_NOT_FINISHED: the board is not closed.
    """
    return board_json(services().reveals.finalize(current_initiator(body), key))


@admin_reveals.get("/<key>/final-table")
@admin_required
@admin_reveals.document_errors(NotFound, BoardNotFinished)
@admin_reveals.arguments(TableQuerySchema, location="query")
@admin_reveals.response(200, {"type": "string"}, content_type="application/jose")
def read_final_table(query: dict[str, Any], key: str) -> Response:
    """All standings of a final board as a JWS (RFC 7515), which `/.well-known/jwks.json` verifies.

    Each row has `revealStep`, the last step of the reveal that showed acts of the player. By
    default the table is that of the period in which the contest was. BOARD_NOT_FINISHED: the board
    is not final, or acts are still hidden.
    """
    table = services().final_tables.read(key, query["period"], query["at"])
    jws = signed_table(services().table_signer, table, query["format"])
    headers = download_headers(key, table.period, "jws")
    return Response(jws, content_type="application/jose", headers=headers)
