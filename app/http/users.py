"""/users: what a user is told of themselves."""

from __future__ import annotations

import time
from typing import Any

from marshmallow import Schema, fields

from app.http.authentication import authenticated, current_identity
from app.http.schemas import Resource
from app.http.services import services

# ruff: noqa: N815 - the contract's names are camelCase

users = Resource("users", __name__, url_prefix="/users", description="The caller's own account")


class MeSchema(Schema):
    userId = fields.UUID(required=True)
    username = fields.String(required=True)
    displayName = fields.String(required=True)
    score = fields.Integer(required=True)
    rank = fields.Integer(required=True, allow_none=True)
    status = fields.String(required=True)


@users.get("/me")
@authenticated
@users.response(200, MeSchema)
def me() -> dict[str, Any]:
    """The caller's account, score and rank; rank is null before the first point."""
    user = services().accounts.find(current_identity().user_id)
    return {
        "userId": user.id,
        "username": user.username,
        "displayName": user.display_name,
        "score": user.score,
        "rank": services().leaderboard.rank_of(user.score) if user.score else None,
        "status": user.account.status_at(int(time.time() * 1000)),
    }
