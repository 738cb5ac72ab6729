"""/boards: the boards and their standings in any period."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from flask import Response, jsonify

from app.api.boards.board_json import board_json, download_headers, period_json
from app.api.boards.schemas import (
    AroundQuerySchema,
    BoardHistoryQuerySchema,
    BoardHistorySchema,
    BoardSettingsSchema,
    BoardsQuerySchema,
    BoardsSchema,
    BoardStandingsSchema,
    PeriodQuerySchema,
    StandingsQuerySchema,
    StandingsSchema,
)
from app.api.boards.standings_csv import csv_lines
from app.api.leaderboard_schemas import cursor
from app.boards.board import Board
from app.boards.periods import Period
from app.contract.errors import DatabaseUnavailable, NotFound, RateLimited
from app.contract.standings import Board as MainBoard
from app.contract.standings import microseconds, timestamp
from app.http.access_control import current_identity, public, session_required
from app.http.rate_limits import limit_read
from app.http.replies.compression import compress_public
from app.http.schemas import Resource
from app.http.services import services
from app.leaderboard.board_history import DEFAULT_SPAN
from app.leaderboard.board_standings import StandingsPage, has_own_store

boards = Resource("boards", __name__, url_prefix="/boards", description="Boards and periods")


@boards.get("")
@public
@compress_public
@limit_read
@boards.document_errors(RateLimited, DatabaseUnavailable)
@boards.arguments(BoardsQuerySchema, location="query")
@boards.response(200, BoardsSchema)
def list_boards(query: dict[str, Any]) -> dict[str, Any]:
    """The boards that are not archived, by key."""
    found, more = services().boards.page(query["after"], query["limit"])
    return {
        "boards": [board_json(board) for board in found],
        "next": found[-1].settings.key if more else None,
    }


@boards.get("/<key>")
@public
@compress_public
@limit_read
@boards.document_errors(NotFound, RateLimited, DatabaseUnavailable)
@boards.response(200, BoardSettingsSchema)
def read_board(key: str) -> dict[str, Any]:
    """One board with its settings, also an archived one."""
    return board_json(services().boards.find(key))


@boards.get("/<key>/leaderboard")
@public
@compress_public
@limit_read
@boards.document_errors(NotFound, RateLimited, DatabaseUnavailable)
@boards.arguments(StandingsQuerySchema, location="query")
@boards.response(200, BoardStandingsSchema)
def read_standings(query: dict[str, Any], key: str) -> dict[str, Any]:
    """The standings of a period from the top, or the page that follows `after`.

    `at` selects the day, week or month that contains this moment, so past periods stay readable.
    `minVersion` skips caches that are older than this version.
    """
    board, period = _period(key, query)
    contest = None if query["at"] else services().contests.of(board, period.kind)
    page = _read_page(board, period, query)
    return _page_json(board, page) | {"contest": contest.as_json() if contest else None}


@boards.get("/<key>/leaderboard.csv")
@public
@limit_read
@boards.document_errors(NotFound, RateLimited, DatabaseUnavailable)
@boards.arguments(PeriodQuerySchema, location="query")
@boards.response(200, {"type": "string"}, content_type="text/csv")
def export_standings(query: dict[str, Any], key: str) -> Response:
    """All standings of a period as CSV with a heading, in the order of the board."""
    board, period = _period(key, query)
    # The first part is read here, so that a failure is an error reply.
    lines = csv_lines(services().standings.export(board, period))
    first = next(lines)

    def body() -> Iterator[str]:
        yield first
        yield from lines

    return Response(body(), mimetype="text/csv", headers=download_headers(key, period, "csv"))


@boards.get("/<key>/leaderboard/around-me")
@session_required
@boards.document_errors(NotFound)
@boards.arguments(AroundQuerySchema, location="query")
@boards.response(200, StandingsSchema)
def read_around_me(query: dict[str, Any], key: str) -> dict[str, Any]:
    """The caller's row with `span` rows above and below; no rows if the caller is not listed."""
    board, period = _period(key, query)
    user_id, span = current_identity().user_id, query["span"]
    if has_own_store(board, period.kind):
        found = services().leaderboard.around(user_id, span)
        page = replace(_page_of_main(period, found), next=None)
        return _page_json(board, page)
    page = services().standings.around(board, period, user_id, span)
    return _page_json(board, page)


@boards.get("/<key>/history")
@public
@compress_public
@limit_read
@boards.document_errors(NotFound, RateLimited, DatabaseUnavailable)
@boards.arguments(BoardHistoryQuerySchema, location="query")
@boards.response(200, BoardHistorySchema)
def read_history(query: dict[str, Any], key: str) -> Response:
    """The scores of a period's leaders over time, in the board's order, oldest scores first.

    Each player has at most 200 points. The first is the score at `since`, or the first act after
    it; the last is the score at `until`.
    """
    board, period = _period(key, query)
    version: int | None
    if has_own_store(board, period.kind):
        since = query["since"] or datetime.now(UTC) - DEFAULT_SPAN
        main = services().history.since(since)
        moments, version, series = (main.since, main.until), main.version, main.series
    else:
        found = services().board_histories.of(board, period, query["since"])
        version, series = found.version, found.series
        moments = (microseconds(found.since), microseconds(found.until))
    # Not serialized by the schema: marshmallow would take longer for 2,000 points than PostgreSQL.
    return jsonify(
        {
            "board": board.settings.key,
            **period_json(period),
            "version": version,
            "since": timestamp(moments[0] // 1000),
            "until": timestamp(moments[1] // 1000),
            "series": [each.as_json() for each in series[: query["limit"]]],
        }
    )


def _period(key: str, query: dict[str, Any]) -> tuple[Board, Period]:
    board = services().boards.find(key)
    return board, services().standings.period(board, query["period"], query["at"])


def _read_page(board: Board, period: Period, query: dict[str, Any]) -> StandingsPage:
    limit, after, min_version = query["limit"], query.get("after"), query["minVersion"]
    if has_own_store(board, period.kind):
        main = services().leaderboard
        found = main.page_after(after, limit) if after else main.top(limit, min_version)
        return _page_of_main(period, found)
    standings = services().standings
    if after:
        return standings.page(board, period, after, limit)
    return standings.top(board, period, limit, min_version)


def _page_of_main(period: Period, found: MainBoard) -> StandingsPage:
    return StandingsPage(period, found.rows, found.next, found.version.number)


def _page_json(board: Board, page: StandingsPage) -> dict[str, Any]:
    return {
        "board": board.settings.key,
        **period_json(page.period),
        "version": page.version,
        "leaderboard": [row.as_json() for row in page.rows],
        "next": cursor(page.next) if page.next else None,
    }
