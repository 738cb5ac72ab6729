"""Queries and replies of /leaderboard, and the cursors of its pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.api.cursors import cursor_cipher
from app.contract.standings import TOP, OrderKey
from app.http.schemas import Moment, NamePrefix
from app.leaderboard.history import MAX_SPAN_SECONDS

# ruff: noqa: N815 - the contract's names are camelCase

_TIME = {"format": "date-time"}
_REACHED = r"\.([0-9]{1,17})\.([0-9]{1,18})"


class CursorField(fields.Field[OrderKey]):
    """A sealed order key, opaque to clients: `next` or `previous` of a page."""

    pattern = re.compile(r"([1-9][0-9]{0,17})" + _REACHED)

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> OrderKey:
        try:
            text = cursor_cipher().unseal(str(value))
        except ValueError:
            text = ""
        found = self.pattern.fullmatch(text)
        if not found:
            raise ValidationError("Not a cursor: send `next` or `previous` of a page.")
        return OrderKey(*map(int, found.groups()))


class SignedCursorField(CursorField):
    """The same for boards on which a score may be 0 or negative."""

    pattern = re.compile(r"(-?[0-9]{1,16})" + _REACHED)


class PageSchema(Schema):
    limit = fields.Integer(
        load_default=TOP, validate=validate.Range(1, 100), metadata={"description": "Rows per page"}
    )
    after = CursorField(metadata={"type": "string", "description": "`next` of the page before"})
    before = CursorField(
        metadata={"type": "string", "description": "`previous` of the page after; not with `after`"}
    )
    minVersion = fields.Integer(
        load_default=0,
        validate=validate.Range(0, 2**53),
        metadata={"description": "Read past caches that are older than this board version"},
    )

    @validates_schema
    def _check_cursors(self, data: Mapping[str, Any], **_: Any) -> None:
        if "after" in data and "before" in data:
            raise ValidationError("Not together with after.", "before")


class SpanSchema(Schema):
    span = fields.Integer(
        load_default=2,
        validate=validate.Range(0, 49),
        metadata={"description": "Rows above and below the caller"},
    )


class SearchSchema(Schema):
    username = NamePrefix(
        required=True,
        metadata={
            "description": "How the username, or a word of the display name, begins, in any letter"
            " case and with its accents: 1 to 100 characters. Spaces around it are cut"
        },
    )
    limit = fields.Integer(
        load_default=20, validate=validate.Range(1, 100), metadata={"description": "Number of rows"}
    )


def check_since(moment: datetime) -> None:
    """Raise ValidationError unless a history can begin at that moment."""
    ago = datetime.now(UTC) - moment
    if not timedelta(0) <= ago <= timedelta(seconds=MAX_SPAN_SECONDS):
        raise ValidationError(f"Must be in the past, {MAX_SPAN_SECONDS // 86400} days at most.")


class HistoryQuerySchema(Schema):
    since = Moment(
        format="iso",
        default_timezone=UTC,
        load_default=None,
        validate=check_since,
        metadata={"description": "Default: one hour ago; at most 366 days ago"},
    )
    limit = fields.Integer(
        load_default=TOP,
        validate=validate.Range(1, TOP),
        metadata={"description": "Number of leaders"},
    )


class StandingSchema(Schema):
    rank = fields.Integer(
        required=True,
        metadata={"description": "Competition rank: players with equal scores share it"},
    )
    userId = fields.UUID(
        required=True, metadata={"description": "The player's account; never changes"}
    )
    username = fields.String(
        required=True, metadata={"description": "The unique name that the player logs in with"}
    )
    displayName = fields.String(
        required=True, metadata={"description": "The name to show; not unique"}
    )
    score = fields.Integer(required=True, metadata={"description": "Points"})


class BoardSchema(Schema):
    version = fields.Integer(
        required=True, metadata={"description": "The version of the board; only grows"}
    )
    updatedAt = fields.String(
        required=True, metadata={**_TIME, "description": "When the board last changed"}
    )
    leaderboard = fields.List(
        fields.Nested(StandingSchema),
        required=True,
        metadata={
            "description": "The rows, by rank; equal scores in the order in which they were reached"
        },
    )
    next = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "`after` of the next page; null on the last page"},
    )
    previous = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "`before` of the previous page; null on the first page"},
    )


class FoundSchema(Schema):
    version = fields.Integer(
        required=True, metadata={"description": "The version of the board that the ranks come from"}
    )
    updatedAt = fields.String(
        required=True, metadata={**_TIME, "description": "When the board last changed"}
    )
    leaderboard = fields.List(
        fields.Nested(StandingSchema),
        required=True,
        metadata={"description": "The players found by username, then those by display name"},
    )
    more = fields.Boolean(
        required=True,
        metadata={"description": "Further players may match: send more of the name"},
    )


class ScoreSchema(Schema):
    at = fields.String(
        required=True, metadata={**_TIME, "description": "When the player had the score"}
    )
    score = fields.Integer(required=True, metadata={"description": "Points at this time"})


class SeriesSchema(StandingSchema):
    points = fields.List(
        fields.Nested(ScoreSchema),
        required=True,
        metadata={"description": "The player's scores over time, oldest first, 200 at most"},
    )


class HistorySchema(Schema):
    version = fields.Integer(
        required=True, metadata={"description": "The version of the board that the ranks come from"}
    )
    since = fields.String(required=True, metadata={**_TIME, "description": "Start of the span"})
    until = fields.String(
        required=True, metadata={**_TIME, "description": "End of the span: the time of the reply"}
    )
    series = fields.List(
        fields.Nested(SeriesSchema),
        required=True,
        metadata={"description": "One entry for each leader, by rank"},
    )


def cursor(order_key: OrderKey) -> str:
    """The text that CursorField reads."""
    text = f"{order_key.score}.{order_key.reached_at}.{order_key.action_id}"
    return cursor_cipher().seal(text)
