"""/admin/boards: admins create, rename and archive boards."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from marshmallow import fields, validate

from app.api.admin.initiator import current_initiator
from app.api.admin.schemas import ReasonSchema
from app.api.boards.board_json import board_json, period_json
from app.api.boards.schemas import (
    BoardSettingsSchema,
    OfPeriodSchema,
    PeriodQuerySchema,
    PointsSchema,
)
from app.api.leaderboard_schemas import StandingSchema
from app.boards.board import BETTER, COMBINE, MAIN_ID, PERIODS, SCORED_BY, BoardSettings
from app.boards.clock import ClockChange
from app.contract.details import CLOCK_TIMES
from app.contract.errors import NotFound, ValidationFailed
from app.http.access_control import admin_required
from app.http.schemas import MomentOrNow, Resource, StorableText
from app.http.services import services

# ruff: noqa: N815 - the contract's names are camelCase

admin_boards = Resource(
    "admin_boards", __name__, url_prefix="/admin/boards", description="Boards, for admins"
)


class TimesSchema(ReasonSchema):
    """The times of the contest clock; each may be `now`."""

    opensAt = MomentOrNow(
        format="iso",
        default_timezone=UTC,
        allow_none=True,
        metadata={"description": "Acts are counted from this moment on; null: at once"},
    )
    freezesAt = MomentOrNow(
        format="iso",
        default_timezone=UTC,
        allow_none=True,
        metadata={"description": "Acts from this moment on are hidden; null: none"},
    )
    closesAt = MomentOrNow(
        format="iso",
        default_timezone=UTC,
        allow_none=True,
        metadata={"description": "Acts are counted before this moment; null: no end"},
    )


class NewPointsSchema(PointsSchema):
    min = fields.Integer(
        required=True, strict=True, metadata={"description": "Least points of one act"}
    )
    max = fields.Integer(
        required=True, strict=True, metadata={"description": "Most points of one act"}
    )


class NewBoardSchema(TimesSchema):
    key = StorableText(
        required=True, metadata={"description": "The board's address: 1 to 64 of a-z, 0-9 and `-`"}
    )
    title = StorableText(required=True, metadata={"description": "The name to show"})
    better = fields.String(
        load_default="high",
        validate=validate.OneOf(BETTER),
        metadata={"description": "Whether a high or a low score is better"},
    )
    combine = fields.String(
        load_default="sum",
        validate=validate.OneOf(COMBINE),
        metadata={"description": "How a player's acts make the score"},
    )
    scoredBy = fields.String(
        load_default="service",
        validate=validate.OneOf(SCORED_BY),
        metadata={"description": "`players`: by action tokens. `service`: by a service key"},
    )
    points = fields.Nested(
        NewPointsSchema,
        load_default=lambda: {"min": 1, "max": 1},
        metadata={"description": "What one act may score"},
    )
    periods = fields.List(
        fields.String(validate=validate.OneOf(PERIODS)),
        load_default=lambda: ["all"],
        metadata={"description": "Each is a leaderboard; the first is the default"},
    )
    timeZone = StorableText(
        load_default="UTC", metadata={"description": "IANA name; decides when a day begins"}
    )


class RealStandingsQuerySchema(PeriodQuerySchema):
    limit = fields.Integer(
        load_default=100, validate=validate.Range(1, 1000), metadata={"description": "Rows"}
    )


class RealStandingsSchema(OfPeriodSchema):
    leaderboard = fields.List(
        fields.Nested(StandingSchema), required=True, metadata={"description": "The rows, by rank"}
    )


class ChangeSchema(TimesSchema):
    title = StorableText(load_default=None, metadata={"description": "The name to show"})
    periods = fields.List(
        fields.String(validate=validate.OneOf(PERIODS)),
        load_default=None,
        metadata={"description": "Only of `main`: its periods and those to add"},
    )


@admin_boards.post("")
@admin_required
@admin_boards.arguments(NewBoardSchema)
@admin_boards.response(201, BoardSettingsSchema)
def create(body: dict[str, Any]) -> dict[str, Any]:
    """Create a board; only its title and its times can be changed later."""
    settings = BoardSettings(
        key=body["key"],
        title=body["title"],
        better=body["better"],
        combine=body["combine"],
        scored_by=body["scoredBy"],
        min_points=body["points"]["min"],
        max_points=body["points"]["max"],
        periods=tuple(body["periods"]),
        time_zone=body["timeZone"],
    )
    return board_json(services().boards.create(current_initiator(body), settings, _times(body)))


@admin_boards.patch("/<key>")
@admin_required
@admin_boards.document_errors(NotFound)
@admin_boards.arguments(ChangeSchema)
@admin_boards.response(200, BoardSettingsSchema)
def edit(body: dict[str, Any], key: str) -> dict[str, Any]:
    """Change the title or the times of a board, or give `main` further periods.

    Times can be changed while the board is open; `now` opens or closes it at once, null removes
    the time. A period that is added counts the points from 10 seconds later on.
    """
    changed = services().boards.edit(
        current_initiator(body), key, body["title"], body["periods"], _times(body)
    )
    return board_json(changed)


@admin_boards.get("/<key>/leaderboard")
@admin_required
@admin_boards.document_errors(NotFound)
@admin_boards.arguments(RealStandingsQuerySchema, location="query")
@admin_boards.response(200, RealStandingsSchema)
def read_real_standings(query: dict[str, Any], key: str) -> dict[str, Any]:
    """The standings of a period with the acts that a freeze hides."""
    board = services().boards.find(key)
    if board.id == MAIN_ID:
        raise ValidationFailed("The board main does not freeze; read its leaderboard")
    period = services().standings.period(board, query["period"], query["at"])
    rows = services().freezes.real_standings(board, period, query["limit"])
    return {
        "board": key,
        **period_json(period),
        "leaderboard": [row.as_json() for row in rows],
    }


@admin_boards.post("/<key>/unfreeze")
@admin_required
@admin_boards.document_errors(NotFound)
@admin_boards.arguments(ReasonSchema)
@admin_boards.response(200, BoardSettingsSchema)
def unfreeze(body: dict[str, Any], key: str) -> dict[str, Any]:
    """Show all hidden acts at once; acts of a board that is still open are shown from now on."""
    return board_json(services().freezes.unfreeze(current_initiator(body), key))


@admin_boards.post("/<key>/archive")
@admin_required
@admin_boards.document_errors(NotFound)
@admin_boards.arguments(ReasonSchema)
@admin_boards.response(200, BoardSettingsSchema)
def archive(body: dict[str, Any], key: str) -> dict[str, Any]:
    """Refuse further acts for good; the standings stay readable."""
    return board_json(services().boards.archive(current_initiator(body), key))


def _times(body: dict[str, Any]) -> ClockChange:
    """The times that the body names."""
    return {field: body[name] for field, name in CLOCK_TIMES.items() if name in body}
