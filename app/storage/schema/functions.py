"""SQL functions that a migration changes: the text of the version before with replacements."""

from __future__ import annotations

from collections.abc import Sequence

CREATE, REPLACE = "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"


def changed(function: str, changes: Sequence[tuple[str, str]] = ()) -> str:
    """The statement that replaces the function by one with these changes, each made once."""
    for before, after in changes:
        function = replaced(function, before, after)
    return function if REPLACE in function else replaced(function, CREATE, REPLACE)


def replaced(text: str, before: str, after: str, times: int = 1) -> str:
    """The text with this change; fails unless `before` occurs this number of times."""
    assert text.count(before) == times, before
    return text.replace(before, after)
