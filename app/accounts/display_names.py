"""The rule of display names: any script, but no name that hides, or that draws over other lines.

The properties of characters are Unicode's, by the libraries regex, emoji and idna
(docs/decisions/0024-names-and-passwords.md).
"""

from __future__ import annotations

import unicodedata

import emoji
import idna
import regex

from app.accounts.rules import storable
from app.contract.errors import ValidationFailed

MAX_LENGTH = 100
JOINERS = {"\u200c", "\u200d"}
_SPACES = regex.compile(r"\p{Zs}+")
_CLUSTER = regex.compile(r"\X")
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_GRAPHIC = regex.compile(r"[\p{L}\p{N}\p{P}\p{S}]")
_HIDDEN = regex.compile(r"[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]")
# Letters and symbols that Unicode calls blank: U+2800, U+1D159, U+13441 and others.
_BLANK_NAME = regex.compile(r"\b(BLANK|FILLER|NULL NOTEHEAD|REPLACEMENT CHARACTER)\b")
# UTS 39, section 5.4: more than four nonspacing marks in a sequence, or the same mark twice.
_STACKED_MARKS = regex.compile(r"(?:[\p{Mn}\p{Me}][\u200c\u200d]*){5}|([\p{Mn}\p{Me}])\1")
# UTS 39, section 5.2: a word of several of these alphabets imitates a word of one of them.
_ALPHABETS = (
    regex.compile(r"\p{Script=Latin}"),
    regex.compile(r"\p{Script=Greek}"),
    regex.compile(r"\p{Script=Cyrillic}"),
)


def display_name(text: str) -> str:
    """1 to 100 visible characters of any script, in NFC, with single spaces between words.

    Raises ValidationFailed.
    """
    name = name_prefix(text)
    if not all(_is_shown(match) for match in _CLUSTER.finditer(name)):
        raise ValidationFailed("Only characters that are shown.")
    if not _GRAPHIC.search(name):
        raise ValidationFailed("At least one visible character.")
    if _STACKED_MARKS.search(name):
        raise ValidationFailed("At most four accents on a letter, each of them once.")
    if any(_mixes_alphabets(word) for word in _WORD.findall(name)):
        raise ValidationFailed("Letters of one alphabet in each word.")
    return name


def name_prefix(text: str) -> str:
    """The beginning of a name to search for: 1 to 100 characters in the stored form.

    Raises ValidationFailed.
    """
    prefix = stored_form(text)
    if not 1 <= len(prefix) <= MAX_LENGTH:
        raise ValidationFailed(f"Length must be between 1 and {MAX_LENGTH}.")
    return prefix


def stored_form(text: str) -> str:
    """The text in NFC, with one U+0020 between words and no spaces around them."""
    return unicodedata.normalize("NFC", _SPACES.sub(" ", storable(text)).strip(" "))


def reserved_key(name: str) -> str:
    """The letters and digits of a name, in the form in which reserved names are compared."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(_WORD.findall(folded))


def _is_shown(cluster: regex.Match[str]) -> bool:
    """Whether each character of a cluster is visible, or joins others as its script needs."""
    # The list of emoji contains the sequences that are drawn as one picture. In any other sequence
    # a joiner shows nothing, so two names would look the same.
    return emoji.is_emoji(cluster.group()) or all(
        _joins(cluster.string, position) if character in JOINERS else not _is_hidden(character)
        for position, character in enumerate(cluster.group(), cluster.start())
    )


def _is_hidden(character: str) -> bool:
    # A character that is newer than Python's data has no name there, so it may be a blank.
    name = unicodedata.name(character, None)
    return name is None or bool(_HIDDEN.match(character) or _BLANK_NAME.search(name))


def _joins(text: str, position: int) -> bool:
    """Whether a script needs the joiner there (RFC 5892, appendix A.1 and A.2)."""
    try:
        return idna.valid_contextj(text, position)
    except ValueError:
        return False


def _mixes_alphabets(word: str) -> bool:
    return sum(bool(alphabet.search(word)) for alphabet in _ALPHABETS) > 1
