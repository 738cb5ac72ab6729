"""The board as a table that stays where it is in the terminal."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

FRESH_SECONDS = 2.0
"""How long a row that changed is marked."""


class Screen:
    """Draws the board and the state of the connection; names are text, never markup."""

    def __init__(self, console: Console, address: str) -> None:
        self._address = address
        self._rows: list[dict[str, Any]] = []
        self._changed_at: dict[str, float] = {}
        self._updated_at = ""
        self._state = Text("connecting", style="yellow")
        self._cause, self._back_at = "", 0.0
        self._live = Live(console=console, get_renderable=self._drawn, refresh_per_second=4)

    def __enter__(self) -> Screen:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def frame(self, message: dict[str, Any]) -> None:
        if message["event"] != "leaderboard_update":
            return
        rows = message["data"]["leaderboard"]
        before = {row["userId"]: row["score"] for row in self._rows}
        for row in rows if self._rows else ():
            if before.get(row["userId"]) != row["score"]:
                self._changed_at[row["userId"]] = time.monotonic()
        self._rows = rows
        self._updated_at = message["data"]["updatedAt"]
        self._cause = ""
        self._state = Text("live", style="bold green")
        self._live.refresh()

    def away(self, cause: str, seconds: float) -> None:
        self._cause, self._back_at = cause, time.monotonic() + seconds
        self._live.refresh()

    def idle(self) -> None:
        """The table draws itself four times a second."""

    def _drawn(self) -> RenderableType:
        table = Table(title=f"Live Scoreboard at {self._address}", title_justify="left")
        table.add_column("Rank", justify="right")
        table.add_column("Player")
        table.add_column("Score", justify="right")
        for row in self._rows:
            changed = self._changed_at.get(row["userId"], float("-inf"))
            style = "bold green" if time.monotonic() - changed < FRESH_SECONDS else ""
            name = Text(row["displayName"])
            if row["displayName"] != row["username"]:
                name.append(f"  {row['username']}", style="dim")
            table.add_row(str(row["rank"]), name, f"{row['score']:,}", style=style)
        return Group(table, self._status())

    def _status(self) -> Text:
        if self._cause:
            left = max(0, round(self._back_at - time.monotonic()))
            return Text(f"reconnecting in {left} s: {self._cause}", style="yellow")
        if not self._updated_at:
            return self._state
        moment = datetime.fromisoformat(self._updated_at).astimezone()
        return Text.assemble(self._state, f"   last change {moment:%H:%M:%S}   Ctrl-C ends")
