"""Rules for usernames, passwords and reasons, the same for players, admins and operators.

Each function returns the accepted text and raises ValidationFailed.
"""

from __future__ import annotations

import re
import unicodedata

from app.contract.errors import ValidationFailed

MAX_USERNAME_LENGTH = 32
USERNAME = re.compile(rf"[A-Za-z0-9_.-]{{3,{MAX_USERNAME_LENGTH}}}\Z")
USERNAME_RULE = f"3 to {MAX_USERNAME_LENGTH} of letters A-Z, a-z, digits, '_', '.' and '-'."
# Unicode's spaces, which keyboards of phones add around a name.
_SPACE = r"[\u0020\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]"
_SPACES_AROUND = re.compile(rf"\A{_SPACE}+|{_SPACE}+\Z")
BCRYPT_BYTES = 72
_TOO_LONG = f"Longer than {BCRYPT_BYTES} bytes in UTF-8."
MIN_PASSWORD_LENGTH, MAX_REASON_LENGTH, MAX_PUBLIC_REASON_LENGTH = 8, 500, 200
# Joiners that scripts and emoji need, and the tags that form the flags of regions.
_ALLOWED_FORMATS = {"\u200c", "\u200d", *map(chr, range(0xE0020, 0xE0080))}
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def storable(text: str) -> str:
    """A text that PostgreSQL and UTF-8 can store: without NUL and lone surrogates."""
    if "\0" in text or any(unicodedata.category(c) == "Cs" for c in text):
        raise ValidationFailed("Not a valid string.")
    return text


def username(text: str) -> str:
    """3 to 32 of the letters A-Z and a-z, digits, `_`, `.` and `-`, without spaces around them."""
    name = _without_spaces_around(text)
    if not USERNAME.match(name):
        raise ValidationFailed(USERNAME_RULE)
    return name


def username_key(text: str) -> str | None:
    """The form in which usernames are compared; None if no account can have this username.

    Usernames are ASCII, so that letter case means the same here, in PostgreSQL and in every
    locale. PostgreSQL makes the same form by lower() with COLLATE "C".
    """
    name = _without_spaces_around(text)
    return name.lower() if name.isascii() else None


def password_form(text: str) -> str:
    """The form of a password that is hashed: the same for each way to type it.

    As RFC 8265's profile OpaqueString: NFC, and every space is U+0020. Control characters are
    allowed.
    """
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in text)
    return unicodedata.normalize("NFC", spaced)


def fits_bcrypt(text: str) -> bool:
    """Whether bcrypt hashes all of the text."""
    return len(text.encode()) <= BCRYPT_BYTES


def password(text: str) -> str:
    """An existing password, as typed: at most 72 bytes in UTF-8, which is bcrypt's limit."""
    if not any(map(fits_bcrypt, (password_form(storable(text)), text))):
        raise ValidationFailed(_TOO_LONG)
    return text


def new_password(text: str) -> str:
    """A password that is being set, in the form that is hashed: also at least 8 characters."""
    form = password_form(storable(text))
    if not fits_bcrypt(form):
        raise ValidationFailed(_TOO_LONG)
    if len(form) < MIN_PASSWORD_LENGTH:
        raise ValidationFailed(f"Shorter than minimum length {MIN_PASSWORD_LENGTH}.")
    return form


def reason(text: str) -> str:
    """The reason of an audit entry: 1 to 500 printable characters, in NFC."""
    line = unicodedata.normalize("NFC", storable(text))
    if any(not _printable(character) for character in line):
        raise ValidationFailed("Only printable characters.")
    line = line.strip()
    return _of_length(line, MAX_REASON_LENGTH)


def public_reason(text: str) -> str:
    """The reason of a ban that the player may read: 1 to 200 printable characters, in NFC."""
    return _of_length(reason(text), MAX_PUBLIC_REASON_LENGTH)


def _of_length(line: str, max_length: int) -> str:
    if not 1 <= len(line) <= max_length:
        raise ValidationFailed(f"Length must be between 1 and {max_length}.")
    return line


def _without_spaces_around(text: str) -> str:
    return _SPACES_AROUND.sub("", text)


def _printable(character: str) -> bool:
    return character in _ALLOWED_FORMATS or unicodedata.category(character) not in _UNPRINTABLE
