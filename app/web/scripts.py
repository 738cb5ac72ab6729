"""The page's scripts as browsers get them: all modules named at once, and without comments.

Otherwise a browser finds a module only after it has loaded the one that imports it, and loads half
as much again as it runs.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

_IMPORT = re.compile(rb'^(?:import|export)\b[^;"]*"(\.[^"]+)";', re.M)
"""A static import, as this project writes them. `import("…")` is left to the time of the call."""


def imported_modules(entry: str, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """The paths of all modules that `entry` imports, directly or through others."""
    found: dict[str, None] = {}
    waiting = [entry]
    while waiting:
        module = waiting.pop(0)
        for match in _IMPORT.finditer(files[module]):
            path = posixpath.join(posixpath.dirname(module), match[1].decode())
            imported = posixpath.normpath(path)
            if imported not in found:
                found[imported] = None
                waiting.append(imported)
    return tuple(found)


def without_comments(source: bytes) -> bytes:
    """The file without indentation and without comments that are lines of their own.

    Each statement stays on its line, so that errors name the line of the file. No text of the
    script may span lines (tests/app/web/test_assets.py).
    """
    lines: list[bytes] = []
    in_comment = False
    for line in source.split(b"\n"):
        text = line.strip()
        starts = text.startswith(b"/*") and (text.endswith(b"*/") or b"*/" not in text)
        is_comment = in_comment or starts or text.startswith(b"//")
        if in_comment or starts:
            in_comment = not text.endswith(b"*/")
        lines.append(b"" if is_comment else text)
    return b"\n".join(lines)
