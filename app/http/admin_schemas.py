"""What /admin takes and answers."""

from __future__ import annotations

from datetime import UTC

from marshmallow import Schema, fields, validate

from app.http.schemas import DisplayName, Moment, NewPassword, Reason, StorableText, username_field
from app.services.moderation import LONGEST_SECONDS, NO_REASON

# ruff: noqa: N815 - the contract's names are camelCase

_TIME = {"format": "date-time"}


def _moment(*, allow_none: bool = False) -> fields.String:
    return fields.String(required=True, allow_none=allow_none, metadata=_TIME)


def _since() -> Moment:
    return Moment(format="iso", default_timezone=UTC, load_default=None)


class RequiredReasonSchema(Schema):
    reason = Reason(required=True)


class ReasonSchema(Schema):
    reason = Reason(load_default=NO_REASON)


class BanSchema(RequiredReasonSchema):
    seconds = fields.Integer(
        load_default=None,
        strict=True,
        validate=validate.Range(1, LONGEST_SECONDS),
        metadata={"description": "Without it the ban lasts until an unban"},
    )


class FlagSchema(ReasonSchema):
    seconds = fields.Integer(
        required=True, strict=True, validate=validate.Range(1, LONGEST_SECONDS)
    )


class RenameSchema(ReasonSchema):
    displayName = DisplayName()
    username = username_field(required=False)


class AdminPasswordSchema(ReasonSchema):
    newPassword = NewPassword(required=True)


class RevokeSchema(RequiredReasonSchema):
    since = _since()


class UsersQuerySchema(Schema):
    status = fields.String(
        load_default=None, validate=validate.OneOf(["active", "flagged", "banned"])
    )
    q = StorableText(
        load_default="", metadata={"description": "A part of the username or display name"}
    )
    after = StorableText(load_default="", metadata={"description": "`next` of the page before"})
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))


class OfUserSchema(Schema):
    user = fields.UUID(load_default=None)
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 1000))


class EventsQuerySchema(OfUserSchema):
    since = _since()


class AdminUserSchema(Schema):
    userId = fields.UUID(required=True)
    username = fields.String(required=True)
    displayName = fields.String(required=True)
    status = fields.String(required=True)
    role = fields.String(required=True)
    score = fields.Integer(required=True)
    createdAt = _moment()
    lastLoginAt = _moment(allow_none=True)
    flaggedUntil = _moment(allow_none=True)
    bannedUntil = _moment(allow_none=True)


class RankedUserSchema(AdminUserSchema):
    rank = fields.Integer(required=True, allow_none=True)


class RevokedSchema(RankedUserSchema):
    pointsRevoked = fields.Integer(required=True)


class UsersSchema(Schema):
    users = fields.List(fields.Nested(AdminUserSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class FraudEventSchema(Schema):
    id = fields.Integer(required=True)
    createdAt = _moment()
    userId = fields.UUID(required=True)
    username = fields.String(required=True)
    rule = fields.String(required=True)
    kind = fields.String(required=True)
    action = fields.String(required=True)
    reason = fields.String(required=True)
    evidence = fields.Dict(required=True)


class FraudEventsSchema(Schema):
    events = fields.List(fields.Nested(FraudEventSchema), required=True)


class AuditEntrySchema(Schema):
    id = fields.Integer(required=True)
    at = _moment()
    actor = fields.String(required=True)
    act = fields.String(required=True)
    userId = fields.UUID(required=True, allow_none=True)
    reason = fields.String(required=True)
    details = fields.Dict(required=True)


class AuditSchema(Schema):
    entries = fields.List(fields.Nested(AuditEntrySchema), required=True)
