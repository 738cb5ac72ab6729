"""The clock of a board and the steps of its reveal, as replies have them."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from app.api.leaderboard_schemas import StandingSchema
from app.boards.board import STATES

# ruff: noqa: N815 - the contract's names are camelCase


def _nullable(description: str) -> fields.Integer:
    return fields.Integer(required=True, allow_none=True, metadata={"description": description})


def _time(description: str) -> fields.String:
    metadata = {"format": "date-time", "description": description}
    return fields.String(required=True, allow_none=True, metadata=metadata)


class ClockSchema(Schema):
    opensAt = _time("Acts are counted from this moment on; null: at once")
    freezesAt = _time("Acts from this moment on are hidden; null: none")
    closesAt = _time("Acts are counted before this moment; null: no end")
    thawedAt = _time("When the hidden acts were shown; null: not yet")
    finalizedAt = _time("When the standings became final; null: not yet")


class _PlayerSchema(Schema):
    userId = fields.String(required=True, metadata={"description": "The player's id"})
    username = fields.String(required=True, metadata={"description": "The name of the account"})
    displayName = fields.String(required=True, metadata={"description": "The name to show"})


class MoveSchema(_PlayerSchema):
    fromRank = _nullable("The rank before; null if there was none")
    fromScore = _nullable("The score before; null if there was none")
    toRank = _nullable("The rank after the step; null if there is none")
    toScore = _nullable("The score after the step; null if there is none")
    remaining = fields.Integer(required=True, metadata={"description": "Acts to be revealed"})
    rows = fields.List(
        fields.Nested(StandingSchema),
        required=True,
        metadata={"description": "The player's row and those around it"},
    )


class AnnouncedPlayerSchema(_PlayerSchema):
    rank = _nullable("The shown rank; null if the player has no shown score")
    score = _nullable("The shown score; null if there is none")


class RevealStepSchema(Schema):
    number = fields.Integer(required=True, metadata={"description": "Of the last step"})
    remaining = fields.Integer(required=True, metadata={"description": "Acts to be revealed"})
    last = fields.Nested(
        MoveSchema, required=True, metadata={"description": "The last climb of the step"}
    )
    next = fields.Nested(
        AnnouncedPlayerSchema,
        required=True,
        allow_none=True,
        metadata={"description": "The player of the next step; null if all is revealed"},
    )


class ContestSchema(ClockSchema):
    state = fields.String(
        required=True,
        validate=validate.OneOf(STATES),
        metadata={
            "description": "Acts are counted while it is `open` or `frozen`. The standings of a"
            " `final` board are those at the freeze while `freezesAt` is set, `thawedAt` is null,"
            " and no step of the reveal has announced that nothing remains"
        },
    )
    reveal = fields.Nested(
        RevealStepSchema,
        required=True,
        allow_none=True,
        metadata={"description": "The last step of the reveal; null if there is none"},
    )
