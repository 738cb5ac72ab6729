"""Fields and parsing that several resources share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Request
from flask.globals import request_ctx
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError, fields
from webargs.core import missing
from webargs.flaskparser import FlaskParser, abort

from app.accounts import rules
from app.accounts.display_names import display_name, name_prefix
from app.contract.errors import DomainError, ValidationFailed
from app.http.body import UnreadableBody, json_value
from app.http.fraud_warning import WarningField

DOCUMENTED_ERRORS = "x-errors"
"""The key of an operation in smorest's document: the names of the errors of document_errors."""


class _Parser(FlaskParser):
    """Parses arguments by webargs, with the contract's error replies."""

    DEFAULT_VALIDATION_STATUS = 400

    def get_default_request(self) -> Request:
        """The request itself, because Flask's proxy looks it up at each use."""
        return request_ctx.request

    def load_json(self, req: Request, schema: Schema) -> Any:  # noqa: ARG002 - webargs' signature
        """The JSON body; raises UnsupportedMediaType if it is compressed or declared otherwise."""
        if not req.get_data(cache=True):
            return missing
        try:
            return json_value(req)
        except UnreadableBody as error:
            abort(400, messages={"json": [str(error)]})


class Resource(Blueprint):  # type: ignore[misc]
    """A blueprint that parses arguments and documents errors by the contract."""

    ARGUMENTS_PARSER = _Parser()

    def arguments(self, schema: type[Schema], **options: Any) -> Any:
        """Parse arguments by one instance of the schema. smorest would make one per request."""
        return super().arguments(schema(), **options)

    def document_errors(
        self, *errors: type[DomainError]
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Document a view's errors, besides those that follow from its access and arguments."""
        documented: Callable[[Callable[..., Any]], Callable[..., Any]]
        documented = self.doc(**{DOCUMENTED_ERRORS: [error.__name__ for error in errors]})
        return documented


class StorableText(fields.String):
    """A string that PostgreSQL can store; subclasses have stricter rules."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, *args, **kwargs)
        assert text is not None
        try:
            return self._check(text)
        except ValidationFailed as failed:
            raise ValidationError(failed.message) from None

    def _check(self, text: str) -> str:
        return rules.storable(text)


class Username(StorableText):
    """3 to 32 characters: letters A-Z and a-z, digits, `_`, `.` and `-`; spaces around are cut."""

    def __init__(self, *, required: bool = False) -> None:
        # OpenAPI's patterns are ECMA-262's, which has no \Z and matches anywhere in the string.
        metadata = {
            "pattern": "^[A-Za-z0-9_.-]{3,32}$",
            "description": "3 to 32 characters: letters A-Z, digits, `_`, `.` and `-`. Spaces"
            " around it are cut. It must not be taken in any letter case, nor be reserved by the"
            " server",
        }
        super().__init__(required=required, metadata=metadata)

    def _check(self, text: str) -> str:
        return rules.username(text)


class NamePrefix(StorableText):
    """The beginning of a name: 1 to 100 characters; spaces around them are cut."""

    def _check(self, text: str) -> str:
        return name_prefix(text)


class DisplayName(StorableText):
    """1 to 100 visible characters of any script, in NFC, with single spaces between words."""

    def _check(self, text: str) -> str:
        return display_name(text)


class Password(StorableText):
    """An existing password: at most 72 bytes in UTF-8, which is bcrypt's limit."""

    def _check(self, text: str) -> str:
        return rules.password(text)


class NewPassword(StorableText):
    """A new password: at least 8 characters, at most 72 bytes in UTF-8."""

    def _check(self, text: str) -> str:
        return rules.new_password(text)


class Reason(StorableText):
    """The reason for an act of moderation: 1 to 500 printable characters."""

    def _check(self, text: str) -> str:
        return rules.reason(text)


class PublicReason(StorableText):
    """The reason of a ban that the player may read: 1 to 200 printable characters."""

    def _check(self, text: str) -> str:
        return rules.public_reason(text)


class Moment(fields.AwareDateTime):
    """A time in ISO 8601; UTC if it has no offset."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> datetime:
        try:
            # To UTC, because PostgreSQL accepts fewer offsets than ISO 8601.
            return super()._deserialize(value, *args, **kwargs).astimezone(UTC)
        except OverflowError:
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE) from None


class MomentOrNow(Moment):
    """A time, or the word `now`: the moment of the change by PostgreSQL's clock."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return value if value == "now" else super()._deserialize(value, *args, **kwargs)


class ErrorSchema(Schema):
    """The body of every error reply."""

    error = fields.String(required=True, metadata={"description": "A short title of the error"})
    code = fields.String(
        required=True, metadata={"description": "The stable code; programs decide by it"}
    )
    message = fields.String(required=True, metadata={"description": "A sentence for the developer"})
    requestId = fields.String(  # noqa: N815 - the contract's name
        required=True, metadata={"description": "The id of the request in the server's log"}
    )
    details = fields.Dict(
        keys=fields.String(),
        metadata={
            "description": "VALIDATION_ERROR: messages by field. TOKEN_USED: the first result."
            " BOARD_NOT_OPEN: the times. USER_BANNED: start, end and reason of the ban"
        },
    )
    warning = WarningField()
