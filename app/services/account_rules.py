"""What names, passwords and reasons may be; the same for players, admins and operators."""

from __future__ import annotations

import re
import unicodedata

from app.contract.errors import ValidationFailed

USERNAME = re.compile(r"[A-Za-z0-9_.-]{3,32}\Z")
USERNAME_RULE = "3 to 32 of letters A-Z, a-z, digits, '_', '.' and '-'."
BCRYPT_BYTES = 72
LONGEST_DISPLAY_NAME, SHORTEST_PASSWORD, LONGEST_REASON = 100, 8, 500
# Joiners that scripts and emoji need, and the tags of which the flags of regions are made.
_ALLOWED_FORMATS = {"\u200c", "\u200d", *map(chr, range(0xE0020, 0xE0080))}
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_INVISIBLE = {"Cf", "Mn", "Me", "Zs"}
# Letters and a symbol by category, but blank on screen: Hangul fillers, an empty Braille cell.
_BLANK = {"\u115f", "\u1160", "\u2800", "\u3164", "\uffa0"}


def storable(text: str) -> str:
    """The text, which PostgreSQL and UTF-8 can hold: no NUL, no lone surrogate.

    Raises ValidationFailed, as all rules here do.
    """
    if "\0" in text or any(unicodedata.category(c) == "Cs" for c in text):
        raise ValidationFailed("Not a valid string.")
    return text


def username(text: str) -> str:
    """3 to 32 of the letters A-Z and a-z, digits, `_`, `.` and `-`."""
    if not USERNAME.match(text):
        raise ValidationFailed(USERNAME_RULE)
    return text


def display_name(text: str) -> str:
    """1 to 100 printable characters of any script, in NFC, not all of them blank or invisible."""
    name = _printable_line(text, LONGEST_DISPLAY_NAME)
    if not any(_visible(character) for character in name):
        raise ValidationFailed("At least one visible character.")
    return name


def password(text: str) -> str:
    """A password as it may have been set: at most 72 bytes in UTF-8, bcrypt's limit."""
    if len(storable(text).encode()) > BCRYPT_BYTES:
        raise ValidationFailed(f"Longer than {BCRYPT_BYTES} bytes in UTF-8.")
    return text


def new_password(text: str) -> str:
    """A password to be set: at least 8 characters."""
    if len(password(text)) < SHORTEST_PASSWORD:
        raise ValidationFailed(f"Shorter than minimum length {SHORTEST_PASSWORD}.")
    return text


def reason(text: str) -> str:
    """Why somebody did it: 1 to 500 printable characters, in NFC."""
    return _printable_line(text, LONGEST_REASON)


def _printable_line(text: str, longest: int) -> str:
    line = unicodedata.normalize("NFC", storable(text))
    if any(not _printable(character) for character in line):
        raise ValidationFailed("Only printable characters.")
    line = line.strip()
    if not 1 <= len(line) <= longest:
        raise ValidationFailed(f"Length must be between 1 and {longest}.")
    return line


def _printable(character: str) -> bool:
    return character in _ALLOWED_FORMATS or unicodedata.category(character) not in _UNPRINTABLE


def _visible(character: str) -> bool:
    return unicodedata.category(character) not in _INVISIBLE and character not in _BLANK
