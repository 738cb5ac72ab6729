"""The warning in the replies to a flagged player."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

FRAUD_WARNING = {
    "code": "FRAUD_FLAGGED",
    "message": "Your requests look automated: your limits are halved for a while, and if this"
    " continues, you will be banned",
}


class WarningSchema(Schema):
    """Only in replies to a flagged player."""

    code = fields.String(required=True, metadata={"description": "Always `FRAUD_FLAGGED`"})
    message = fields.String(
        required=True, metadata={"description": "What the flag means for the player"}
    )


class WarningField(fields.Nested):
    """The field `warning` of a reply."""

    def __init__(self) -> None:
        super().__init__(
            WarningSchema, metadata={"description": "Only in replies to a flagged player"}
        )


def with_fraud_warning(reply: dict[str, Any], *, flagged: bool) -> dict[str, Any]:
    """The reply, with the warning if the player is flagged."""
    return reply | {"warning": FRAUD_WARNING} if flagged else reply
