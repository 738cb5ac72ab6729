"""Makes usernames that the API accepts from the names in an event file."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import count

MAX_USERNAME_CHARACTERS = 32
_FALLBACK = "player"
"""The username for a name without any ASCII letter or digit."""


def usernames(names: Iterable[str], suffix: str) -> dict[str, str]:
    """A username for each name: its ASCII letters and digits, then `suffix`, all different.

    They follow the API's rule (3 to 32 letters, digits, `_ . -`). With a new suffix for each run,
    the same file can be played again on the same board.
    """
    usernames_by_name: dict[str, str] = {}
    taken: set[str] = set()
    same_slug: Counter[str] = Counter()
    for name in dict.fromkeys(names):
        slug = _slug(name)
        for number in count(same_slug[slug] + 1):
            same_slug[slug] = number
            tail = f"-{suffix}" if number == 1 else f"-{number}-{suffix}"
            username = slug[: MAX_USERNAME_CHARACTERS - len(tail)] + tail
            if username not in taken:
                break
        taken.add(username)
        usernames_by_name[name] = username
    return usernames_by_name


def _slug(name: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-") or _FALLBACK
