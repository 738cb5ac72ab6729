"""`flask boards`: the commands of boards and the types of their arguments."""

from __future__ import annotations

from app.cli.boards import commands, reveal_commands
from app.cli.boards.group import boards

__all__ = ["boards", "commands", "reveal_commands"]
