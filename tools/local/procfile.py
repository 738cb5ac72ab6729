"""The Procfile: the system's processes and the command of each."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

_LINE = re.compile(r"(?P<name>[A-Za-z0-9_-]+):\s*(?P<command>\S.*)")


def read_procfile(path: Path) -> dict[str, list[str]]:
    """Each process's command, split into words; raises ValueError for a malformed line."""
    commands = {}
    for line in path.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"{path}: not a process: {line}")
        commands[match["name"]] = shlex.split(match["command"])
    return commands
