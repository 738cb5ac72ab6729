"""/admin: moderation by users with the admin role; each act is audited as theirs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.contract.errors import ValidationFailed
from app.http.admin_schemas import (
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
from app.http.authentication import administrator, current_identity
from app.http.schemas import ErrorSchema, Resource
from app.http.services import services
from app.services.moderation import Act
from app.services.records_json import entry_json, event_json, user_json

admin = Resource("admin", __name__, url_prefix="/admin", description="Moderation, for admins")
for_known = admin.alt_response(404, schema=ErrorSchema, description="Not Found")
for_free_name = admin.alt_response(409, schema=ErrorSchema, description="Conflict")


@admin.get("/users")
@administrator
@admin.arguments(UsersQuerySchema, location="query")
@admin.response(200, UsersSchema)
def list_users(query: dict[str, Any]) -> dict[str, Any]:
    """Users by name; `next` is the `after` of the page that follows."""
    page = services().inspection.users(
        after=query["after"], limit=query["limit"], status=query["status"], part=query["q"]
    )
    return {
        "users": [user_json(user) for user in page.users],
        "next": page.users[-1].username if page.more else None,
    }


@admin.get("/users/<uuid:user_id>")
@administrator
@for_known
@admin.response(200, RankedUserSchema)
def read_user(user_id: UUID) -> dict[str, Any]:
    """One account with its rank."""
    return _shown(user_id)


@admin.post("/users/<uuid:user_id>/ban")
@administrator
@for_known
@admin.arguments(BanSchema)
@admin.response(200, RankedUserSchema)
def ban(body: dict[str, Any], user_id: UUID) -> dict[str, Any]:
    """Ban, for so many seconds or until an unban; not yourself."""
    _refuse_own(user_id)
    seconds = body["seconds"]
    until = datetime.now(UTC) + timedelta(seconds=seconds) if seconds else None
    services().moderation.ban(_act(body), str(user_id), until)
    return _shown(user_id)


@admin.post("/users/<uuid:user_id>/unban")
@administrator
@for_known
@admin.arguments(ReasonSchema)
@admin.response(200, RankedUserSchema)
def unban(body: dict[str, Any], user_id: UUID) -> dict[str, Any]:
    """End a ban; who has none stays as they are."""
    services().moderation.unban(_act(body), str(user_id))
    return _shown(user_id)


@admin.post("/users/<uuid:user_id>/flag")
@administrator
@for_known
@admin.arguments(FlagSchema)
@admin.response(200, RankedUserSchema)
def flag(body: dict[str, Any], user_id: UUID) -> dict[str, Any]:
    """Halve the limits for so many seconds; not for who is banned."""
    if not services().moderation.flag(_act(body), str(user_id), body["seconds"]).done:
        raise ValidationFailed("A banned user can't be flagged")
    return _shown(user_id)


@admin.post("/users/<uuid:user_id>/unflag")
@administrator
@for_known
@admin.arguments(ReasonSchema)
@admin.response(200, RankedUserSchema)
def unflag(body: dict[str, Any], user_id: UUID) -> dict[str, Any]:
    """Give the full limits back; who has no flag stays as they are."""
    services().moderation.unflag(_act(body), str(user_id))
    return _shown(user_id)


@admin.post("/users/<uuid:user_id>/rename")
@administrator
@for_known
@for_free_name
@admin.arguments(RenameSchema)
@admin.response(200, RankedUserSchema)
def rename(body: dict[str, Any], user_id: UUID) -> dict[str, Any]:
    """Give another display name, username or both."""
    display_name, username = body.get("displayName"), body.get("username")
    if display_name is None and username is None:
        raise ValidationFailed("Send displayName, username or both")
    services().moderation.rename(
        _act(body), str(user_id), display_name=display_name, username=username
    )
    return _shown(user_id)


@admin.post("/users/<uuid:user_id>/password")
@administrator
@for_known
@admin.arguments(AdminPasswordSchema)
@admin.response(204)
def set_password(body: dict[str, Any], user_id: UUID) -> None:
    """Set another password; every session of the user ends."""
    services().moderation.set_password(_act(body), str(user_id), body["newPassword"])


@admin.delete("/users/<uuid:user_id>")
@administrator
@for_known
@admin.arguments(RequiredReasonSchema)
@admin.response(204)
def delete(body: dict[str, Any], user_id: UUID) -> None:
    """Forget the person for good, not yourself; the points' history stays."""
    _refuse_own(user_id)
    services().moderation.delete(_act(body), str(user_id))


@admin.post("/users/<uuid:user_id>/scores/revoke")
@administrator
@for_known
@admin.arguments(RevokeSchema)
@admin.response(200, RevokedSchema)
def revoke_points(body: dict[str, Any], user_id: UUID) -> dict[str, Any]:
    """Take back all points, or those since a moment, by an action that compensates them."""
    performed = services().moderation.revoke_points(_act(body), str(user_id), body["since"])
    return _shown(user_id) | {"pointsRevoked": performed.points}


@admin.get("/fraud/events")
@administrator
@admin.arguments(EventsQuerySchema, location="query")
@admin.response(200, FraudEventsSchema)
def list_fraud_events(query: dict[str, Any]) -> dict[str, Any]:
    """Fraud events with their evidence, the newest first."""
    found = services().inspection.fraud_events(
        user_id=_written(query["user"]), since=query["since"], limit=query["limit"]
    )
    return {"events": [event_json(event) for event in found]}


@admin.get("/audit")
@administrator
@admin.arguments(OfUserSchema, location="query")
@admin.response(200, AuditSchema)
def read_audit(query: dict[str, Any]) -> dict[str, Any]:
    """What was done, by whom and why, the newest first."""
    found = services().inspection.audit(user_id=_written(query["user"]), limit=query["limit"])
    return {"entries": [entry_json(entry) for entry in found]}


def _act(body: dict[str, Any]) -> Act:
    return Act(f"admin:{current_identity().user_id}", body["reason"], among_admins=True)


def _refuse_own(user_id: UUID) -> None:
    # The last admin could shut everybody out, themself included.
    if str(user_id) == current_identity().user_id:
        raise ValidationFailed("You can't do this to your own account")


def _shown(user_id: UUID) -> dict[str, Any]:
    record = services().inspection.user(str(user_id))
    return user_json(record) | {"rank": services().inspection.rank(record)}


def _written(user_id: UUID | None) -> str | None:
    return None if user_id is None else str(user_id)
