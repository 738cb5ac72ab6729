"""Which modules a script of the page imports, so that the page names them all at once.

Otherwise a browser finds a module only after it has loaded the one that imports it.
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
