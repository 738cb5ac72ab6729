"""Fields and parsing that several resources share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from flask import Request
from flask.globals import request_ctx
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError, fields, validate
from webargs.flaskparser import FlaskParser, abort
from werkzeug.exceptions import UnsupportedMediaType

from app.contract.errors import ValidationFailed
from app.http.suspicion import WarningSchema
from app.services import account_rules


class _Parser(FlaskParser):
    """webargs with the contract's answers to what doesn't fit."""

    DEFAULT_VALIDATION_STATUS = 400

    def get_default_request(self) -> Request:
        """The request itself, not Flask's proxy, which looks it up at each use."""
        return request_ctx.request

    def load_json(self, req: Request, schema: Schema) -> Any:
        """The body, which has to say that it is JSON; raises UnsupportedMediaType."""
        if req.get_data(cache=True) and not req.is_json:
            raise UnsupportedMediaType()
        try:
            return super().load_json(req, schema)
        except (RecursionError, ValueError):
            # Nested deeper than the parser goes, or a number of more digits than it reads.
            abort(400, messages={"json": ["Invalid JSON body."]})


class Resource(Blueprint):  # type: ignore[misc]
    """A blueprint that reads its arguments, and documents its errors, by the contract."""

    ARGUMENTS_PARSER = _Parser()

    def arguments(self, schema: type[Schema], **options: Any) -> Any:
        """As smorest's, but the schema is made once and not at each request."""
        return super().arguments(schema(), **options)

    def refuses(self, *statuses: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Document errors of a view beside those that its auth and arguments imply."""
        content = {"application/json": {"schema": ErrorSchema}}
        responses = {
            str(status): {"description": HTTPStatus(status).phrase, "content": content}
            for status in statuses
        }
        documented: Callable[[Callable[..., Any]], Callable[..., Any]]
        documented = self.doc(responses=responses)
        return documented


class StorableText(fields.String):
    """A string that PostgreSQL and UTF-8 can hold; the kinds of it have stricter rules."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, *args, **kwargs)
        assert text is not None
        try:
            return self._by_rule(text)
        except ValidationFailed as failed:
            raise ValidationError(failed.message) from None

    def _by_rule(self, text: str) -> str:
        return account_rules.storable(text)


class DisplayName(StorableText):
    """1 to 100 printable characters of any script, in NFC, not all of them blank or invisible."""

    def _by_rule(self, text: str) -> str:
        return account_rules.display_name(text)


class Password(StorableText):
    """A password as it may have been set: at most 72 bytes in UTF-8, bcrypt's limit."""

    def _by_rule(self, text: str) -> str:
        return account_rules.password(text)


class NewPassword(StorableText):
    """A password to be set: at least 8 characters."""

    def _by_rule(self, text: str) -> str:
        return account_rules.new_password(text)


class Reason(StorableText):
    """Why an act of moderation is done: 1 to 500 printable characters."""

    def _by_rule(self, text: str) -> str:
        return account_rules.reason(text)


class Moment(fields.AwareDateTime):
    """A time in ISO 8601, in UTC where it has no offset."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> datetime:
        try:
            # PostgreSQL knows fewer offsets than ISO 8601.
            return super()._deserialize(value, *args, **kwargs).astimezone(UTC)
        except OverflowError:
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE) from None


def username_field(*, required: bool = True) -> fields.String:
    """3 to 32 of the letters A-Z and a-z, digits, `_`, `.` and `-`."""
    pattern = validate.Regexp(account_rules.USERNAME, error=account_rules.USERNAME_RULE)
    # The document's patterns are ECMA-262's, which has no \Z and searches anywhere.
    documented = {"pattern": "^[A-Za-z0-9_.-]{3,32}$"}
    return fields.String(required=required, validate=pattern, metadata=documented)


class ErrorSchema(Schema):
    """What every refusal looks like."""

    error = fields.String(required=True)
    code = fields.String(required=True)
    message = fields.String(required=True)
    requestId = fields.String(required=True)  # noqa: N815 - the contract's name
    details = fields.Dict(keys=fields.String())
    warning = fields.Nested(WarningSchema)
