"""/leaderboard: the board in pages, around the caller, by name, and over time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, jsonify

from app.api.leaderboard_schemas import (
    BoardSchema,
    FoundSchema,
    HistoryQuerySchema,
    HistorySchema,
    PageSchema,
    SearchSchema,
    SpanSchema,
    cursor,
)
from app.contract.errors import DatabaseUnavailable, RateLimited
from app.contract.standings import Board, timestamp
from app.http.access_control import current_identity, public, session_required
from app.http.rate_limits import limit_read
from app.http.replies.compression import compress_public
from app.http.schemas import Resource
from app.http.services import services

leaderboard = Resource("leaderboard", __name__, url_prefix="/leaderboard", description="The board")

HISTORY_SECONDS = 3600


@leaderboard.get("")
@public
@compress_public
@limit_read
@leaderboard.document_errors(RateLimited, DatabaseUnavailable)
@leaderboard.arguments(PageSchema, location="query")
@leaderboard.response(200, BoardSchema)
def read_page(query: dict[str, Any]) -> dict[str, Any]:
    """The board from the top, the page that follows `after`, or the page that ends at `before`.

    `minVersion` skips caches that are older than this version: send the `boardVersion` of an
    increment to read a board that shows it.

    ---
    Flow 7.
    """
    service = services().leaderboard
    if "after" in query:
        return _board_json(service.page_after(query["after"], query["limit"]))
    if "before" in query:
        return _board_json(service.page_before(query["before"], query["limit"]))
    return _board_json(service.top(query["limit"], query["minVersion"]))


@leaderboard.get("/around-me")
@session_required
@leaderboard.arguments(SpanSchema, location="query")
@leaderboard.response(200, BoardSchema)
def read_around_me(query: dict[str, Any]) -> dict[str, Any]:
    """The caller's row with `span` rows above and below; no rows if the caller has no points."""
    return _board_json(services().leaderboard.around(current_identity().user_id, query["span"]))


@leaderboard.get("/search")
@public
@compress_public
@limit_read
@leaderboard.document_errors(RateLimited, DatabaseUnavailable)
@leaderboard.arguments(SearchSchema, location="query")
@leaderboard.response(200, FoundSchema)
def search(query: dict[str, Any]) -> dict[str, Any]:
    """Players on the board whose username or display name begins with a text, each with the rank.

    A later word of the display name counts as a beginning too. First come the players whose
    username matches, by username, so a player with exactly this username is the first. The others
    follow by display name.
    """
    board = services().leaderboard.search(query["username"], query["limit"])
    return {
        "version": board.version.number,
        "updatedAt": timestamp(board.version.changed_at),
        "leaderboard": [row.as_json() for row in board.rows],
        "more": board.more,
    }


@leaderboard.get("/history")
@public
@compress_public
@limit_read
@leaderboard.document_errors(RateLimited, DatabaseUnavailable)
@leaderboard.arguments(HistoryQuerySchema, location="query")
@leaderboard.response(200, HistorySchema)
def read_history(query: dict[str, Any]) -> Response:
    """The scores of the current leaders over time, in the board's order, oldest scores first.

    Each player has at most 200 points: the first is the score at `since`, the last the current
    score. `since` in the reply may be slightly earlier than requested, or later if the months
    before it were archived.
    """
    since = query["since"] or datetime.now(UTC) - timedelta(seconds=HISTORY_SECONDS)
    history = services().history.since(since)
    # Not serialized by the schema: marshmallow would take longer for 2,000 points than PostgreSQL.
    return jsonify(
        {
            "version": history.version,
            "since": timestamp(history.since // 1000),
            "until": timestamp(history.until // 1000),
            "series": [each.as_json() for each in history.series[: query["limit"]]],
        }
    )


def _board_json(board: Board) -> dict[str, Any]:
    return {
        "version": board.version.number,
        "updatedAt": timestamp(board.version.changed_at),
        "leaderboard": [row.as_json() for row in board.rows],
        "next": cursor(board.next) if board.next else None,
        "previous": cursor(board.order_keys[0]) if board.more_before else None,
    }
