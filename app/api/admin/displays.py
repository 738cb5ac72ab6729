"""/admin/displays: an admin pairs a screen from the page instead of a shell."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from app.accounts.display_tokens import MAX_DAYS, SECONDS_PER_DAY
from app.api.admin.initiator import current_initiator
from app.api.admin.records import display_token_json
from app.api.admin.schemas import ReasonSchema
from app.contract.errors import NotFound, RedisUnavailable
from app.http.access_control import admin_required
from app.http.schemas import DisplayName, Resource, StorableText
from app.http.services import services

# ruff: noqa: N815 - the contract's names are camelCase

admin_displays = Resource(
    "admin_displays", __name__, url_prefix="/admin/displays", description="Screens, for admins"
)


class PairSchema(ReasonSchema):
    code = StorableText(
        required=True,
        validate=validate.Length(1, 20),
        metadata={"description": "The code that the screen shows"},
    )
    name = DisplayName(
        load_default="display", metadata={"description": "Name or place of the screen"}
    )
    days = fields.Integer(
        load_default=30,
        strict=True,
        validate=validate.Range(1, MAX_DAYS),
        metadata={"description": "Days until the token expires"},
    )


class DisplaySchema(Schema):
    id = fields.UUID(required=True, metadata={"description": "Revokes the token"})
    name = fields.String(required=True, metadata={"description": "Name or place of the screen"})
    expiresAt = fields.String(
        required=True, metadata={"format": "date-time", "description": "When the token expires"}
    )


@admin_displays.post("/pair")
@admin_required
@admin_displays.document_errors(NotFound, RedisUnavailable)
@admin_displays.arguments(PairSchema)
@admin_displays.response(201, DisplaySchema)
def pair(body: dict[str, Any]) -> dict[str, Any]:
    """Give the screen that shows this code a display token; it is live within seconds."""
    initiator = current_initiator(body)
    issued = services().display_pairing.pair(
        initiator, body["code"], body["name"], body["days"] * SECONDS_PER_DAY
    )
    found = display_token_json(issued.token)
    return {name: found[name] for name in ("id", "name", "expiresAt")}
