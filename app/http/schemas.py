"""Fields and parsing that several resources share."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Request
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError, fields, validate
from webargs.flaskparser import FlaskParser, abort
from werkzeug.exceptions import UnsupportedMediaType

BCRYPT_BYTES = 72
# Joiners that scripts and emoji need, and the tags of which the flags of regions are made.
_ALLOWED_FORMATS = {"\u200c", "\u200d", *map(chr, range(0xE0020, 0xE0080))}
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_INVISIBLE = {"Cf", "Mn", "Me", "Zs"}
# Letters and a symbol by category, but blank on screen: Hangul fillers, an empty Braille cell.
_BLANK = {"\u115f", "\u1160", "\u2800", "\u3164", "\uffa0"}


class _Parser(FlaskParser):
    """webargs with the contract's answers to what doesn't fit."""

    DEFAULT_VALIDATION_STATUS = 400

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
    """A string that PostgreSQL and UTF-8 can hold: no NUL, no lone surrogate."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, *args, **kwargs)
        assert text is not None
        if "\0" in text or any(unicodedata.category(c) == "Cs" for c in text):
            raise ValidationError("Not a valid string.")
        return text


class DisplayName(StorableText):
    """1 to 100 printable characters of any script, in NFC, not all of them blank or invisible."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        name = super()._deserialize(value, *args, **kwargs)
        name = unicodedata.normalize("NFC", name)
        if any(not _printable(character) for character in name):
            raise ValidationError("Only printable characters.")
        name = name.strip()
        if not 1 <= len(name) <= 100:  # noqa: PLR2004 - said in the message
            raise ValidationError("Length must be between 1 and 100.")
        if not any(_visible(character) for character in name):
            raise ValidationError("At least one visible character.")
        return name


class Password(StorableText):
    """A password as it may have been set: at most 72 bytes in UTF-8, bcrypt's limit."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        password = super()._deserialize(value, *args, **kwargs)
        if len(password.encode()) > BCRYPT_BYTES:
            raise ValidationError(f"Longer than {BCRYPT_BYTES} bytes in UTF-8.")
        return password


class NewPassword(Password):
    """A password to be set: at least 8 characters."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        password = super()._deserialize(value, *args, **kwargs)
        if len(password) < 8:  # noqa: PLR2004 - said in the message
            raise ValidationError("Shorter than minimum length 8.")
        return password


def username_field() -> fields.String:
    """3 to 32 of the letters A-Z and a-z, digits, `_`, `.` and `-`."""
    pattern = validate.Regexp(
        r"[A-Za-z0-9_.-]{3,32}\Z", error="3 to 32 of letters A-Z, a-z, digits, '_', '.' and '-'."
    )
    # The document's patterns are ECMA-262's, which has no \Z and searches anywhere.
    documented = {"pattern": "^[A-Za-z0-9_.-]{3,32}$"}
    return fields.String(required=True, validate=pattern, metadata=documented)


class ErrorSchema(Schema):
    """What every refusal looks like."""

    error = fields.String(required=True)
    code = fields.String(required=True)
    message = fields.String(required=True)
    requestId = fields.String(required=True)  # noqa: N815 - the contract's name
    details = fields.Dict(keys=fields.String())


def _printable(character: str) -> bool:
    return character in _ALLOWED_FORMATS or unicodedata.category(character) not in _UNPRINTABLE


def _visible(character: str) -> bool:
    return unicodedata.category(character) not in _INVISIBLE and character not in _BLANK
