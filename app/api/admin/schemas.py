"""The requests and replies of /admin."""

from __future__ import annotations

from datetime import UTC

from marshmallow import Schema, fields, validate

from app.audit.audited_change import NO_REASON
from app.boards.board import MAIN_KEY
from app.http.schemas import (
    DisplayName,
    Moment,
    NewPassword,
    PublicReason,
    Reason,
    StorableText,
    Username,
)
from app.moderation.moderation import MAX_SANCTION_SECONDS

# ruff: noqa: N815 - the contract's names are camelCase


def _moment(description: str, *, allow_none: bool = False) -> fields.String:
    metadata = {"format": "date-time", "description": description}
    return fields.String(required=True, allow_none=allow_none, metadata=metadata)


def _since(description: str) -> Moment:
    metadata = {"description": description}
    return Moment(format="iso", default_timezone=UTC, load_default=None, metadata=metadata)


class RequiredReasonSchema(Schema):
    reason = Reason(
        required=True, metadata={"description": "For the audit trail: 1 to 500 characters"}
    )


class ReasonSchema(Schema):
    reason = Reason(
        load_default=NO_REASON, metadata={"description": "For the audit trail: 1 to 500 characters"}
    )


class BanSchema(RequiredReasonSchema):
    publicReason = PublicReason(
        load_default=None,
        metadata={"description": "What the player may read: 1 to 200 characters; default: nothing"},
    )
    seconds = fields.Integer(
        load_default=None,
        strict=True,
        validate=validate.Range(1, MAX_SANCTION_SECONDS),
        metadata={"description": "Without `seconds` the ban lasts until an unban"},
    )


class FlagSchema(ReasonSchema):
    seconds = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, MAX_SANCTION_SECONDS),
        metadata={"description": "How long the limits are halved"},
    )


class RenameSchema(ReasonSchema):
    displayName = DisplayName(metadata={"description": "The new name that boards show"})
    username = Username()


class AdminPasswordSchema(ReasonSchema):
    newPassword = NewPassword(
        required=True, metadata={"description": "At least 8 characters, at most 72 bytes in UTF-8"}
    )


class RevokeSchema(RequiredReasonSchema):
    since = _since("Take back the points since this time; default: all points")
    board = StorableText(
        load_default=MAIN_KEY,
        validate=validate.Length(1, 64),
        metadata={"description": "The key of a board; default: `main`"},
    )


class UsersQuerySchema(Schema):
    status = fields.String(
        load_default=None,
        validate=validate.OneOf(["active", "flagged", "banned"]),
        metadata={"description": "Only users with this status"},
    )
    q = StorableText(
        load_default="", metadata={"description": "A part of the username or display name"}
    )
    after = StorableText(load_default="", metadata={"description": "`next` of the previous page"})
    limit = fields.Integer(
        load_default=50, validate=validate.Range(1, 200), metadata={"description": "Users per page"}
    )


class OfUserSchema(Schema):
    user = StorableText(
        load_default=None, metadata={"description": "Only of this user: a username or an id"}
    )
    limit = fields.Integer(
        load_default=50,
        validate=validate.Range(1, 1000),
        metadata={"description": "Number of entries, newest first"},
    )


class EventsQuerySchema(OfUserSchema):
    since = _since("Only events since this time")


class AdminUserSchema(Schema):
    userId = fields.UUID(required=True, metadata={"description": "The account"})
    username = fields.String(required=True, metadata={"description": "The unique name"})
    displayName = fields.String(
        required=True, metadata={"description": "The name that boards show"}
    )
    status = fields.String(
        required=True, metadata={"description": "`active`, `flagged` or `banned`"}
    )
    role = fields.String(required=True, metadata={"description": "`player` or `admin`"})
    score = fields.Integer(required=True, metadata={"description": "Points"})
    createdAt = _moment("When the account was registered")
    lastLoginAt = _moment("Time of the last login; null before the first", allow_none=True)
    flaggedUntil = _moment("End of the flag; null if not flagged", allow_none=True)
    bannedUntil = _moment("End of the ban; null if it has no end", allow_none=True)


class RankedUserSchema(AdminUserSchema):
    rank = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Competition rank; null without points or while banned"},
    )


class RevokedSchema(RankedUserSchema):
    pointsRevoked = fields.Integer(
        required=True, metadata={"description": "The number of points that were taken back"}
    )


class UsersSchema(Schema):
    users = fields.List(
        fields.Nested(AdminUserSchema),
        required=True,
        metadata={"description": "The users, by username"},
    )
    next = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "`after` of the next page; null on the last page"},
    )


class FraudEventSchema(Schema):
    id = fields.Integer(required=True, metadata={"description": "Number of the event; grows"})
    createdAt = _moment("When the rule acted")
    userId = fields.UUID(required=True, metadata={"description": "The player"})
    username = fields.String(required=True, metadata={"description": "The name of the player"})
    rule = fields.String(required=True, metadata={"description": "The fraud rule"})
    kind = fields.String(
        required=True,
        metadata={"description": "What the rule counted: `token` or `increment` requests"},
    )
    action = fields.String(required=True, metadata={"description": "`FLAG` or `BAN`"})
    reason = fields.String(
        required=True, metadata={"description": "What the rule saw, in a sentence"}
    )
    evidence = fields.Dict(required=True, metadata={"description": "The figures behind the reason"})


class FraudEventsSchema(Schema):
    events = fields.List(
        fields.Nested(FraudEventSchema),
        required=True,
        metadata={"description": "The events, newest first"},
    )


class AuditEntrySchema(Schema):
    id = fields.Integer(required=True, metadata={"description": "Number of the entry; grows"})
    at = _moment("When it was done")
    actor = fields.String(
        required=True,
        metadata={"description": "`admin:<id>`, `operator:<login>`, `fraud rules` or `time`"},
    )
    act = fields.String(required=True, metadata={"description": "What was done"})
    userId = fields.UUID(
        required=True,
        allow_none=True,
        metadata={"description": "The user it was done to; null if none"},
    )
    reason = fields.String(required=True, metadata={"description": "Why"})
    details = fields.Dict(required=True, metadata={"description": "What changed"})


class AuditSchema(Schema):
    entries = fields.List(
        fields.Nested(AuditEntrySchema),
        required=True,
        metadata={"description": "The entries, newest first"},
    )
