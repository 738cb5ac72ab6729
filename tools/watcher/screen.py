"""The view for terminals: the board as a table that is redrawn in place."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

HIGHLIGHT_SECONDS = 2.0
"""How long a row is highlighted after its score changed."""


class Screen:
    """Draws the board and the state of the connection. Names are never parsed as rich's markup."""

    def __init__(self, console: Console, address: str) -> None:
        self._address = address
        self._rows: list[dict[str, Any]] = []
        self._changed_at: dict[str, float] = {}
        self._updated_at = ""
        self._state = Text("connecting", style="yellow")
        self._disconnect_cause, self._retry_at = "", 0.0
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=4)

    def __enter__(self) -> Screen:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show_frame(self, message: dict[str, Any]) -> None:
        """Show a board; other frames are ignored."""
        if message["event"] != "leaderboard_update":
            return
        rows = message["data"]["leaderboard"]
        scores_before = {row["userId"]: row["score"] for row in self._rows}
        for row in rows if self._rows else ():
            if scores_before.get(row["userId"]) != row["score"]:
                self._changed_at[row["userId"]] = time.monotonic()
        self._rows = rows
        # A read of a board other than `main` has no time.
        self._updated_at = message["data"].get("updatedAt", "")
        self._disconnect_cause = ""
        self._state = Text("live", style="bold green")
        self._live.refresh()

    def show_disconnected(self, cause: str, retry_seconds: float) -> None:
        self._disconnect_cause, self._retry_at = cause, time.monotonic() + retry_seconds
        self._live.refresh()

    def on_idle(self) -> None:
        """Nothing to do: rich redraws the table four times a second."""

    def _render(self) -> RenderableType:
        table = Table(title=f"Live Scoreboard at {self._address}", title_justify="left")
        table.add_column("Rank", justify="right")
        table.add_column("Player")
        table.add_column("Score", justify="right")
        for row in self._rows:
            changed_at = self._changed_at.get(row["userId"], float("-inf"))
            recent = time.monotonic() - changed_at < HIGHLIGHT_SECONDS
            name = Text(row["displayName"])
            if row["displayName"] != row["username"]:
                name.append(f"  {row['username']}", style="dim")
            style = "bold green" if recent else ""
            table.add_row(str(row["rank"]), name, f"{row['score']:,}", style=style)
        return Group(table, self._status())

    def _status(self) -> Text:
        if self._disconnect_cause:
            seconds_left = max(0, round(self._retry_at - time.monotonic()))
            return Text(
                f"reconnecting in {seconds_left} s: {self._disconnect_cause}", style="yellow"
            )
        if not self._updated_at:
            return self._state
        updated_at = datetime.fromisoformat(self._updated_at).astimezone()
        return Text.assemble(self._state, f"   last change {updated_at:%H:%M:%S}   Ctrl-C ends")
