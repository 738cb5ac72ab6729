"""/admin: moderation by users with the admin role; each change is audited under their id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.accounts import rules
from app.api.admin.initiator import current_initiator
from app.api.admin.records import audit_entry_json, fraud_event_json, user_json
from app.api.admin.schemas import (
    AdminPasswordSchema,
    AuditSchema,
    BanSchema,
    EventsQuerySchema,
    FlagSchema,
    FraudEventsSchema,
    OfUserSchema,
    RankedUserSchema,
    ReasonSchema,
    RenameSchema,
    RequiredReasonSchema,
    RevokedSchema,
    RevokeSchema,
    UsersQuerySchema,
    UsersSchema,
)
from app.contract.errors import NotFound, UsernameTaken, ValidationFailed
from app.http.access_control import admin_required, current_identity
from app.http.schemas import Resource
from app.http.services import services

admin = Resource("admin", __name__, url_prefix="/admin", description="Moderation, for admins")


@admin.get("/users")
@admin_required
@admin.arguments(UsersQuerySchema, location="query")
@admin.response(200, UsersSchema)
def list_users(query: dict[str, Any]) -> dict[str, Any]:
    """Users by username; `next` is the `after` of the following page."""
    page = services().moderation_reads.users(
        after=query["after"], limit=query["limit"], status=query["status"], part=query["q"]
    )
    return {
        "users": [user_json(user) for user in page.users],
        "next": page.users[-1].username if page.more else None,
    }


@admin.get("/users/<user>")
@admin_required
@admin.document_errors(NotFound)
@admin.response(200, RankedUserSchema)
def read_user(user: str) -> dict[str, Any]:
    """One account with its rank."""
    return _user_reply(_id(user))


@admin.post("/users/<user>/ban")
@admin_required
@admin.document_errors(NotFound)
@admin.arguments(BanSchema)
@admin.response(200, RankedUserSchema)
def ban(body: dict[str, Any], user: str) -> dict[str, Any]:
    """Ban for `seconds` or until an unban; not your own account."""
    user_id = _id(user)
    _refuse_own_account(user_id)
    seconds = body["seconds"]
    until = datetime.now(UTC) + timedelta(seconds=seconds) if seconds else None
    services().moderation.ban(current_initiator(body), user_id, until, body["publicReason"])
    return _user_reply(user_id)


@admin.post("/users/<user>/unban")
@admin_required
@admin.document_errors(NotFound)
@admin.arguments(ReasonSchema)
@admin.response(200, RankedUserSchema)
def unban(body: dict[str, Any], user: str) -> dict[str, Any]:
    """End a ban; no effect if the user is not banned."""
    user_id = _id(user)
    services().moderation.unban(current_initiator(body), user_id)
    return _user_reply(user_id)


@admin.post("/users/<user>/flag")
@admin_required
@admin.document_errors(NotFound)
@admin.arguments(FlagSchema)
@admin.response(200, RankedUserSchema)
def flag(body: dict[str, Any], user: str) -> dict[str, Any]:
    """Halve the limits for `seconds`; not for a banned user."""
    user_id = _id(user)
    if not services().moderation.flag(current_initiator(body), user_id, body["seconds"]).done:
        raise ValidationFailed("A banned user can't be flagged")
    return _user_reply(user_id)


@admin.post("/users/<user>/unflag")
@admin_required
@admin.document_errors(NotFound)
@admin.arguments(ReasonSchema)
@admin.response(200, RankedUserSchema)
def unflag(body: dict[str, Any], user: str) -> dict[str, Any]:
    """Restore the full limits; no effect if the user is not flagged."""
    user_id = _id(user)
    services().moderation.unflag(current_initiator(body), user_id)
    return _user_reply(user_id)


@admin.post("/users/<user>/rename")
@admin_required
@admin.document_errors(NotFound, UsernameTaken)
@admin.arguments(RenameSchema)
@admin.response(200, RankedUserSchema)
def rename(body: dict[str, Any], user: str) -> dict[str, Any]:
    """Change the display name, the username or both."""
    user_id = _id(user)
    display_name, username = body.get("displayName"), body.get("username")
    if display_name is None and username is None:
        raise ValidationFailed("Send displayName, username or both")
    services().moderation.rename(
        current_initiator(body), user_id, display_name=display_name, username=username
    )
    return _user_reply(user_id)


@admin.post("/users/<user>/password")
@admin_required
@admin.document_errors(NotFound)
@admin.arguments(AdminPasswordSchema)
@admin.response(204)
def set_password(body: dict[str, Any], user: str) -> None:
    """Set a new password; every session of the user ends."""
    user_id = _id(user)
    services().moderation.set_password(current_initiator(body), user_id, body["newPassword"])


@admin.delete("/users/<user>")
@admin_required
@admin.document_errors(NotFound)
@admin.arguments(RequiredReasonSchema)
@admin.response(204)
def delete(body: dict[str, Any], user: str) -> None:
    """Delete the user's personal data for good, not your own; the history of points stays."""
    user_id = _id(user)
    _refuse_own_account(user_id)
    services().moderation.delete(current_initiator(body), user_id)


@admin.post("/users/<user>/scores/revoke")
@admin_required
@admin.document_errors(NotFound)
@admin.arguments(RevokeSchema)
@admin.response(200, RevokedSchema)
def revoke_points(body: dict[str, Any], user: str) -> dict[str, Any]:
    """Take back all points of a board, or those since a time, in every period that counts them.

    `score` and `rank` of the reply are those of `main`.
    """
    user_id = _id(user)
    performed = services().moderation.revoke_points(
        current_initiator(body), user_id, body["since"], body["board"]
    )
    return _user_reply(user_id) | {"pointsRevoked": performed.revoked_points}


@admin.get("/fraud/events")
@admin_required
@admin.document_errors(NotFound)
@admin.arguments(EventsQuerySchema, location="query")
@admin.response(200, FraudEventsSchema)
def list_fraud_events(query: dict[str, Any]) -> dict[str, Any]:
    """Fraud events with their evidence, newest first."""
    found = services().moderation_reads.fraud_events(
        user_id=_id_of_records(query["user"]), since=query["since"], limit=query["limit"]
    )
    return {"events": [fraud_event_json(event) for event in found]}


@admin.get("/audit")
@admin_required
@admin.document_errors(NotFound)
@admin.arguments(OfUserSchema, location="query")
@admin.response(200, AuditSchema)
def read_audit(query: dict[str, Any]) -> dict[str, Any]:
    """Audit entries: the act, its actor and reason; newest first."""
    found = services().moderation_reads.audit(
        user_id=_id_of_records(query["user"]), limit=query["limit"]
    )
    return {"entries": [audit_entry_json(entry) for entry in found]}


def _refuse_own_account(user_id: str) -> None:
    # Otherwise the last admin could end all access to the admin API.
    if user_id == current_identity().user_id:
        raise ValidationFailed("You can't do this to your own account")


def _user_reply(user_id: str) -> dict[str, Any]:
    record = services().moderation_reads.user(user_id)
    return user_json(record) | {"rank": services().moderation_reads.rank(record)}


def _id(user: str) -> str:
    """The id of the user with that name or id; raises NotFound."""
    return services().moderation.find(rules.storable(user)).id


def _id_of_records(user: str | None) -> str | None:
    """The id whose records are read. Any id is accepted, because records outlive their user."""
    if user is None:
        return None
    try:
        return str(UUID(user))
    except ValueError:
        return _id(user)
