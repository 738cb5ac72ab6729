"""Passes what the client receives to a view, in the thread of the caller."""

from __future__ import annotations

import queue
from typing import Any, Protocol, cast

from clients.python.live_scoreboard_client import Event, Period, Scoreboard, State
from tools.watcher.address import WatchFailed

IDLE_SECONDS = 0.5
"""How often the view's `on_idle` is called while nothing comes."""


class View(Protocol):
    """Shows the frames. Ends the stream by raising an exception."""

    def show_frame(self, message: dict[str, Any]) -> None:
        """A frame came. The version of a board is always higher than that of the board before."""

    def show_disconnected(self, cause: str, retry_seconds: float) -> None:
        """The connection ended; the next attempt is made after `retry_seconds`."""

    def on_idle(self) -> None:
        """Nothing came for IDLE_SECONDS."""


def show_board(scoreboard: Scoreboard, board: str, period: Period | None, view: View) -> None:
    """Show what the client receives until the view raises; raises WatchFailed if the watch ends."""
    received: queue.Queue[Event | State] = queue.Queue()
    with scoreboard.watch(board, period=period, on_event=received.put, on_state=received.put):
        while True:
            try:
                item = received.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                view.on_idle()
                continue
            if not isinstance(item, State):
                view.show_frame(cast(dict[str, Any], item))
            elif item.kind == "waiting":
                view.show_disconnected(item.cause, item.retry_seconds)
            elif item.kind == "ended":
                raise WatchFailed(item.cause)
