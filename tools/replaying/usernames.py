"""Usernames for players whose names the username rule would refuse."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import count

LONGEST_USERNAME = 32
_NAMELESS = "player"
"""For a name of which ASCII keeps nothing."""


def usernames(names: Iterable[str], suffix: str) -> dict[str, str]:
    """A username for each name: its ASCII letters and digits, then `suffix`, all different.

    They fit the contract (3 to 32 of letters, digits, `_ . -`); the suffix, which should be new
    for each run, lets the same file be played again onto the same board.
    """
    given: dict[str, str] = {}
    taken: set[str] = set()
    namesakes: Counter[str] = Counter()
    for name in dict.fromkeys(names):
        slug = _slug(name)
        for number in count(namesakes[slug] + 1):
            namesakes[slug] = number
            tail = f"-{suffix}" if number == 1 else f"-{number}-{suffix}"
            username = slug[: LONGEST_USERNAME - len(tail)] + tail
            if username not in taken:
                break
        taken.add(username)
        given[name] = username
    return given


def _slug(name: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-") or _NAMELESS
