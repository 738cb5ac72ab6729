"""The warning that a flagged player's replies carry."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

FRAUD_WARNING = {
    "code": "FRAUD_FLAGGED",
    "message": "Your requests look automated: your limits are halved for a while, and going on"
    " like this ends in a ban",
}


class WarningSchema(Schema):
    """Absent while nothing is wrong."""

    code = fields.String(required=True)
    message = fields.String(required=True)


def warned(reply: dict[str, Any], *, flagged: bool) -> dict[str, Any]:
    """The reply, with the warning if its player is flagged."""
    return reply | {"warning": FRAUD_WARNING} if flagged else reply
