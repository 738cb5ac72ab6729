"""The queries and replies of /boards: settings, standings, CSV and history."""

from __future__ import annotations

from datetime import UTC

from marshmallow import Schema, fields, validate

from app.api.boards.contest_schemas import ClockSchema, ContestSchema
from app.api.leaderboard_schemas import (
    SeriesSchema,
    SignedCursorField,
    SpanSchema,
    StandingSchema,
    check_since,
)
from app.boards.board import BETTER, COMBINE, PERIODS, SCORED_BY, STATES
from app.contract.standings import TOP
from app.http.schemas import Moment, StorableText

# ruff: noqa: N815 - the contract's names are camelCase

_TIME = {"format": "date-time"}


class BoardsQuerySchema(Schema):
    limit = fields.Integer(
        load_default=100, validate=validate.Range(1, 100), metadata={"description": "Boards a page"}
    )
    after = StorableText(
        load_default="",
        validate=validate.Length(max=64),
        metadata={"description": "`next` of the previous page"},
    )


class PointsSchema(Schema):
    min = fields.Integer(required=True, metadata={"description": "Least points of one act"})
    max = fields.Integer(required=True, metadata={"description": "Most points of one act"})


class BoardSettingsSchema(ClockSchema):
    key = fields.String(required=True, metadata={"description": "The board's address"})
    title = fields.String(required=True, metadata={"description": "The name to show"})
    better = fields.String(
        required=True,
        validate=validate.OneOf(BETTER),
        metadata={"description": "Whether a high or a low score is better"},
    )
    combine = fields.String(
        required=True,
        validate=validate.OneOf(COMBINE),
        metadata={"description": "How a player's acts make the score"},
    )
    scoredBy = fields.String(
        required=True,
        validate=validate.OneOf(SCORED_BY),
        metadata={"description": "`players`: by action tokens. `service`: by a service key"},
    )
    points = fields.Nested(
        PointsSchema, required=True, metadata={"description": "What one act may score"}
    )
    periods = fields.List(
        fields.String(validate=validate.OneOf(PERIODS)),
        required=True,
        metadata={"description": "Each is a leaderboard; the first is the default"},
    )
    timeZone = fields.String(
        required=True, metadata={"description": "IANA name; decides when a day begins"}
    )
    state = fields.String(
        required=True,
        validate=validate.OneOf(STATES),
        metadata={"description": "Acts are counted while it is `open` or `frozen`"},
    )
    createdAt = fields.String(
        required=True, metadata={**_TIME, "description": "When the board was created"}
    )


class BoardsSchema(Schema):
    boards = fields.List(
        fields.Nested(BoardSettingsSchema), required=True, metadata={"description": "By key"}
    )
    next = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "`after` of the next page; null on the last page"},
    )


class PeriodQuerySchema(Schema):
    period = fields.String(
        load_default=None,
        validate=validate.OneOf(PERIODS),
        metadata={"description": "Default: the board's first period"},
    )
    at = Moment(
        format="iso",
        default_timezone=UTC,
        load_default=None,
        metadata={"description": "A moment of the day, week or month to read. Default: now"},
    )


class StandingsQuerySchema(PeriodQuerySchema):
    limit = fields.Integer(
        load_default=TOP, validate=validate.Range(1, 100), metadata={"description": "Rows per page"}
    )
    after = SignedCursorField(
        metadata={"type": "string", "description": "`next` of the previous page"}
    )
    minVersion = fields.Integer(
        load_default=0,
        validate=validate.Range(0, 2**53),
        metadata={"description": "Read past caches that are older than this board version"},
    )


class AroundQuerySchema(SpanSchema, PeriodQuerySchema):
    pass


class BoardHistoryQuerySchema(PeriodQuerySchema):
    since = Moment(
        format="iso",
        default_timezone=UTC,
        load_default=None,
        validate=check_since,
        metadata={
            "description": "Default: one hour ago, or the beginning of a period that is over"
        },
    )
    limit = fields.Integer(
        load_default=TOP,
        validate=validate.Range(1, TOP),
        metadata={"description": "Number of leaders"},
    )


class OfPeriodSchema(Schema):
    """The part of a reply that names its board and period."""

    board = fields.String(required=True, metadata={"description": "The board's key"})
    period = fields.String(required=True, metadata={"description": "The kind of period"})
    startsAt = fields.String(
        required=True,
        allow_none=True,
        metadata={**_TIME, "description": "First moment of the period; null for all time"},
    )
    endsAt = fields.String(
        required=True,
        allow_none=True,
        metadata={**_TIME, "description": "First moment after the period; null for all time"},
    )


class StandingsSchema(OfPeriodSchema):
    version = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "The board version of a present period; null for a past one"},
    )
    leaderboard = fields.List(
        fields.Nested(StandingSchema), required=True, metadata={"description": "The rows, by rank"}
    )
    next = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "`after` of the next page; null on the last page"},
    )


class BoardStandingsSchema(StandingsSchema):
    contest = fields.Nested(
        ContestSchema,
        required=True,
        allow_none=True,
        metadata={"description": "The board's clock and reveal at present; null with `at`"},
    )


class BoardHistorySchema(OfPeriodSchema):
    version = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "The version of the board; null for a period that is over"},
    )
    since = fields.String(required=True, metadata={**_TIME, "description": "Start of the span"})
    until = fields.String(required=True, metadata={**_TIME, "description": "End of the span"})
    series = fields.List(
        fields.Nested(SeriesSchema),
        required=True,
        metadata={"description": "One entry for each leader, by rank"},
    )
