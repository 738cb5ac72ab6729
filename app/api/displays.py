"""/displays: how a screen gets its token."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from app.accounts.display_pairing import CODE_SECONDS, POLL_SECONDS
from app.contract.errors import RateLimited, RedisUnavailable
from app.http.access_control import public
from app.http.rate_limits import limit_pairing, limit_read
from app.http.schemas import Resource
from app.http.services import services

# ruff: noqa: N815 - the contract's names are camelCase

displays = Resource("displays", __name__, url_prefix="/displays", description="Public screens")


class PairingSchema(Schema):
    code = fields.String(
        required=True, metadata={"description": "For the operator: `flask tokens pair CODE`"}
    )
    secret = fields.String(
        required=True, metadata={"description": "Collects the token; the screen does not show it"}
    )
    expiresIn = fields.Integer(
        required=True, metadata={"description": "Seconds until the screen needs a new code"}
    )
    pollSeconds = fields.Integer(
        required=True, metadata={"description": "Seconds between two attempts to collect"}
    )


class CollectSchema(Schema):
    secret = fields.String(
        required=True,
        validate=validate.Length(max=100),
        metadata={"description": "`secret` of POST /api/displays/pairing"},
    )


class CollectedSchema(Schema):
    displayToken = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Opens the WebSocket; null until an operator has typed the code"},
    )


@displays.post("/pairing")
@public
@limit_pairing
@displays.document_errors(RateLimited, RedisUnavailable)
@displays.response(201, PairingSchema)
def begin_pairing() -> dict[str, Any]:
    """Get a short code that an operator types to give this screen a display token."""
    pairing = services().display_pairing.start()
    return {
        "code": pairing.code,
        "secret": pairing.secret,
        "expiresIn": CODE_SECONDS,
        "pollSeconds": POLL_SECONDS,
    }


@displays.post("/token")
@public
@limit_read
@displays.document_errors(RateLimited, RedisUnavailable)
@displays.arguments(CollectSchema)
@displays.response(200, CollectedSchema)
def collect_token(body: dict[str, str]) -> dict[str, str | None]:
    """Collect the display token of a paired screen."""
    return {"displayToken": services().display_pairing.collect(body["secret"])}
