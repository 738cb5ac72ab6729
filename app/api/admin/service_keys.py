"""/admin/service-keys: keys with which trusted servers score on boards."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from marshmallow import Schema, fields, validate

from app.accounts.service_keys.service_keys import MAX_BOARDS
from app.api.admin.initiator import current_initiator
from app.api.admin.records import service_key_json
from app.api.admin.schemas import ReasonSchema
from app.contract.errors import NotFound
from app.http.access_control import admin_required
from app.http.schemas import DisplayName, Moment, Resource, StorableText
from app.http.services import services

# ruff: noqa: N815 - the contract's names are camelCase

admin_service_keys = Resource(
    "admin_service_keys",
    __name__,
    url_prefix="/admin/service-keys",
    description="Service keys, for admins",
)


def _moment(description: str, *, allow_none: bool = True) -> fields.String:
    metadata = {"format": "date-time", "description": description}
    return fields.String(required=True, allow_none=allow_none, metadata=metadata)


class NewServiceKeySchema(ReasonSchema):
    name = DisplayName(required=True, metadata={"description": "The server that gets the key"})
    boards = fields.List(
        StorableText(validate=validate.Length(1, 64)),
        required=True,
        validate=validate.Length(1, MAX_BOARDS),
        metadata={"description": "Keys of the boards on which it may score"},
    )
    expiresAt = Moment(
        format="iso",
        default_timezone=UTC,
        load_default=None,
        metadata={"description": "When the key expires; default: never"},
    )


class ServiceKeySchema(Schema):
    id = fields.String(
        required=True, metadata={"description": "The part of the key that is not secret"}
    )
    name = fields.String(required=True, metadata={"description": "The server that has the key"})
    boards = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Keys of the boards on which it may score"},
    )
    createdAt = _moment("When the key was created", allow_none=False)
    createdBy = fields.String(
        required=True, metadata={"description": "`admin:<id>` or `operator:<login>`"}
    )
    expiresAt = _moment("When the key expires; null: never")
    revokedAt = _moment("When the key was revoked; null if it was not")
    revokedBy = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "`admin:<id>` or `operator:<login>`; null if not revoked"},
    )
    lastUsedAt = _moment("The last use, to the minute; null before the first")
    valid = fields.Boolean(
        required=True, metadata={"description": "Whether the key is neither revoked nor expired"}
    )


class IssuedServiceKeySchema(ServiceKeySchema):
    key = fields.String(
        required=True,
        metadata={"description": "The whole key. It is not stored, so no later reply has it."},
    )


class ServiceKeysSchema(Schema):
    keys = fields.List(
        fields.Nested(ServiceKeySchema),
        required=True,
        metadata={"description": "The keys, newest first"},
    )


@admin_service_keys.post("")
@admin_required
@admin_service_keys.arguments(NewServiceKeySchema)
@admin_service_keys.response(201, IssuedServiceKeySchema)
def create(body: dict[str, Any]) -> dict[str, Any]:
    """Create a key; only this reply has its text."""
    issued = services().service_keys.create(
        current_initiator(body), body["name"], body["boards"], body["expiresAt"]
    )
    return service_key_json(issued.record) | {"key": issued.text}


@admin_service_keys.get("")
@admin_required
@admin_service_keys.response(200, ServiceKeysSchema)
def list_keys() -> dict[str, Any]:
    """All keys without their secrets, also revoked and expired ones."""
    return {"keys": [service_key_json(each) for each in services().service_keys.list_all()]}


@admin_service_keys.delete("/<service_key>")
@admin_required
@admin_service_keys.document_errors(NotFound)
@admin_service_keys.arguments(ReasonSchema)
@admin_service_keys.response(204)
def revoke(body: dict[str, Any], service_key: str) -> None:
    """Revoke a key for good, from the next request on; no effect if it is revoked."""
    keys = services().service_keys
    keys.revoke(current_initiator(body), keys.find(service_key))
