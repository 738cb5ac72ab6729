"""/users: the caller's own account."""

from __future__ import annotations

import time
from typing import Any

from marshmallow import Schema, fields

from app.api.boards.board_json import period_json
from app.api.boards.schemas import OfPeriodSchema
from app.boards.periods import Period
from app.contract.standings import MAIN, timestamp
from app.http.access_control import current_identity, session_required
from app.http.schemas import Resource
from app.http.services import services
from app.leaderboard.standing_pages import OwnBoardStanding

# ruff: noqa: N815 - the contract's names are camelCase


users = Resource("users", __name__, url_prefix="/users", description="The caller's own account")


class MeSchema(Schema):
    userId = fields.UUID(required=True, metadata={"description": "The account"})
    username = fields.String(required=True, metadata={"description": "The unique name"})
    displayName = fields.String(
        required=True, metadata={"description": "The name that boards show"}
    )
    score = fields.Integer(required=True, metadata={"description": "Points"})
    rank = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Competition rank; null before the first point"},
    )
    role = fields.String(
        required=True, metadata={"description": "`player`, or `admin`, a role that may moderate"}
    )
    status = fields.String(
        required=True,
        metadata={"description": "`active`, `flagged` (limits are halved) or `banned`"},
    )
    flaggedUntil = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "format": "date-time",
            "description": "When the halved limits end; null if not flagged",
        },
    )


class OwnStandingSchema(OfPeriodSchema):
    score = fields.Integer(required=True, metadata={"description": "The caller's score"})
    rank = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Competition rank; null while the score has hidden acts"},
    )
    players = fields.Integer(required=True, metadata={"description": "Number of ranked players"})


class OwnStandingsSchema(Schema):
    standings = fields.List(
        fields.Nested(OwnStandingSchema),
        required=True,
        metadata={"description": "By the board's key; only boards on which the caller is ranked"},
    )


@users.get("/me")
@session_required
@users.response(200, MeSchema)
def me() -> dict[str, Any]:
    """The caller's account, score and rank; the rank is null before the first point."""
    user = services().accounts.find(current_identity().user_id)
    status = user.account.status_at(int(time.time() * 1000))
    return {
        "userId": user.id,
        "username": user.username,
        "displayName": user.display_name,
        "score": user.score,
        "rank": services().leaderboard.rank_of(user.score) if user.score else None,
        "role": user.role,
        "status": status,
        "flaggedUntil": timestamp(user.account.flagged_until) if status == "flagged" else None,
    }


@users.get("/me/standings")
@session_required
@users.response(200, OwnStandingsSchema)
def my_standings() -> dict[str, Any]:
    """The caller's score, rank and number of players in the present period of each board."""
    user_id = current_identity().user_id
    standings = [
        {
            "board": own.board,
            **period_json(own.period),
            "score": own.score,
            "rank": own.rank,
            "players": own.players,
        }
        for own in (*_main_standing(user_id), *services().standings.of_user(user_id))
    ]
    return {"standings": sorted(standings, key=lambda each: str(each["board"]))}


def _main_standing(user_id: str) -> tuple[OwnBoardStanding, ...]:
    """The standing of all time on `main`; empty before the first point."""
    user = services().accounts.find(user_id)
    if not user.score:
        return ()
    leaderboard = services().leaderboard
    rank, players = leaderboard.rank_of(user.score), leaderboard.players()
    return (OwnBoardStanding(MAIN.board, Period("all", None, "UTC"), user.score, rank, players),)
