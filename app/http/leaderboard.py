"""/leaderboard: the board, in pages and around the caller."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, jsonify
from marshmallow import Schema, ValidationError, fields, validate

from app.contract.standings import TOP, Board, Position, timestamp
from app.http.authentication import authenticated, current_identity, public
from app.http.limits import limit_read
from app.http.schemas import Moment, Resource
from app.http.services import services
from app.services.history import LONGEST_SECONDS

# ruff: noqa: N815 - the contract's names are camelCase

leaderboard = Resource("leaderboard", __name__, url_prefix="/leaderboard", description="The board")

HISTORY_SECONDS = 3600
_TIME = {"format": "date-time"}
_CURSOR = re.compile(rb"([1-9][0-9]{0,17})\.([0-9]{1,17})\.([0-9]{1,18})")


class CursorField(fields.Field[Position]):
    """A place in the board's order, opaque to clients: what `next` of a page said."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Position:
        try:
            text = base64.b64decode(str(value).encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError, ValueError):
            text = b""
        found = _CURSOR.fullmatch(text)
        if not found:
            raise ValidationError("Not a cursor: send what `next` of a page said.")
        return Position(*map(int, found.groups()))


class PageSchema(Schema):
    limit = fields.Integer(load_default=TOP, validate=validate.Range(1, 100))
    after = CursorField(metadata={"type": "string", "description": "`next` of the page before"})
    minVersion = fields.Integer(load_default=0, validate=validate.Range(0, 2**53))


class SpanSchema(Schema):
    span = fields.Integer(load_default=2, validate=validate.Range(0, 49))


def _since(moment: datetime) -> None:
    ago = datetime.now(UTC) - moment
    if not timedelta(0) <= ago <= timedelta(seconds=LONGEST_SECONDS):
        raise ValidationError(f"Must be in the past, {LONGEST_SECONDS // 86400} days at most.")


class HistoryQuerySchema(Schema):
    since = Moment(
        format="iso",
        default_timezone=UTC,
        load_default=None,
        validate=_since,
        metadata={"description": "An hour ago where it isn't said; 366 days at most"},
    )
    limit = fields.Integer(load_default=TOP, validate=validate.Range(1, TOP))


class StandingSchema(Schema):
    rank = fields.Integer(required=True)
    userId = fields.UUID(required=True)
    username = fields.String(required=True)
    displayName = fields.String(required=True)
    score = fields.Integer(required=True)


class BoardSchema(Schema):
    version = fields.Integer(required=True)
    updatedAt = fields.String(required=True, metadata=_TIME)
    leaderboard = fields.List(fields.Nested(StandingSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class ScoreSchema(Schema):
    at = fields.String(required=True, metadata=_TIME)
    score = fields.Integer(required=True)


class SeriesSchema(StandingSchema):
    points = fields.List(fields.Nested(ScoreSchema), required=True)


class HistorySchema(Schema):
    version = fields.Integer(required=True)
    since = fields.String(required=True, metadata=_TIME)
    until = fields.String(required=True, metadata=_TIME)
    series = fields.List(fields.Nested(SeriesSchema), required=True)


@leaderboard.get("")
@public
@limit_read
@leaderboard.refuses(429)
@leaderboard.arguments(PageSchema, location="query")
@leaderboard.response(200, BoardSchema)
def read_page(query: dict[str, Any]) -> dict[str, Any]:
    """The board from the top, or the page after another (flow 7).

    `minVersion` skips caches older than that version: send the boardVersion of an increment to
    read a board that shows it.
    """
    service = services().leaderboard
    if "after" in query:
        return _board(service.page(query["after"], query["limit"]))
    return _board(service.top(query["limit"], query["minVersion"]))


@leaderboard.get("/around-me")
@authenticated
@leaderboard.arguments(SpanSchema, location="query")
@leaderboard.response(200, BoardSchema)
def read_around_me(query: dict[str, Any]) -> dict[str, Any]:
    """The caller's row with `span` rows above and below; no rows before the first point."""
    return _board(services().leaderboard.around(current_identity().user_id, query["span"]))


@leaderboard.get("/history")
@public
@limit_read
@leaderboard.refuses(429)
@leaderboard.arguments(HistoryQuerySchema, location="query")
@leaderboard.response(200, HistorySchema)
def read_history(query: dict[str, Any]) -> Response:
    """The scores of the present leaders over time, in the board's order, the oldest first.

    At most 200 points each: the first is the score they had at `since`, the last their present
    one. The `since` of the reply may be a little earlier than the one that was asked for, or later
    where the months before it were archived.
    """
    since = query["since"] or datetime.now(UTC) - timedelta(seconds=HISTORY_SECONDS)
    history = services().histories.since(since)
    # Made here, because marshmallow would take longer for the 2,000 points than PostgreSQL.
    return jsonify(
        {
            "version": history.version,
            "since": timestamp(history.since // 1000),
            "until": timestamp(history.until // 1000),
            "series": [each.as_json() for each in history.series[: query["limit"]]],
        }
    )


def _board(board: Board) -> dict[str, Any]:
    return {
        "version": board.version.number,
        "updatedAt": timestamp(board.version.updated_at),
        "leaderboard": [row.as_json() for row in board.rows],
        "next": _cursor(board.positions[-1]) if board.more and board.positions else None,
    }


def _cursor(position: Position) -> str:
    text = f"{position.score}.{position.reached_at}.{position.action_id}"
    return base64.urlsafe_b64encode(text.encode()).decode()
