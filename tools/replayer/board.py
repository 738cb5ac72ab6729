"""Reads a board from the API: its rules and all its rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from clients.python.live_scoreboard_client import (
    ApiError,
    NoReply,
    RequestFailed,
    Row,
    Scoreboard,
)
from tools.replayer.comparison import Standing, competition_ranks
from tools.replayer.files import Event
from tools.replayer.retry_policy import ReplayFailed, RetryPolicy

T = TypeVar("T")


@dataclass(frozen=True)
class BoardRules:
    """How a board computes scores from the acts of a service."""

    combine: str
    """`sum`, `best` or `latest`."""
    better: str
    """`high` or `low`."""

    def table(self, events: Iterable[Event]) -> dict[str, Standing]:
        """The table after these events."""
        scores: dict[str, int] = {}
        for event in events:
            known = scores.get(event.player)
            scores[event.player] = event.points if known is None else self._combined(known, event)
        return competition_ranks(scores, self.better)

    def _combined(self, known: int, event: Event) -> int:
        if self.combine == "sum":
            return known + event.points
        if self.combine == "latest":
            return event.points
        return max(known, event.points) if self.better == "high" else min(known, event.points)


MAIN_RULES = BoardRules("sum", "high")


def read_rows(site: Scoreboard, board: str, min_version: int | None) -> list[Row]:
    """All rows of a board in its first period, of this version or a later one.

    Raises ReplayFailed.
    """
    return _repeated(
        f"Reading the board {board}",
        lambda: site.read_standings(board, min_version=min_version or 0),
    )


def read_rules(site: Scoreboard, board: str) -> BoardRules:
    """The rules of a board that services score on; raises ReplayFailed."""
    settings = _repeated(f"Reading the rules of {board}", lambda: site.read_settings(board))
    if settings["scoredBy"] != "service":
        raise ReplayFailed(f"The players of the board {board} score themselves: omit --board")
    return BoardRules(settings["combine"], settings["better"])


def check_server(site: Scoreboard, url: str) -> None:
    """Raise ReplayFailed unless the server at the URL is a scoreboard."""
    try:
        board = site.read_board()
    except NoReply as error:
        raise ReplayFailed(f"No reply from {url}: {error}; is it running? (`make run`)") from error
    except ApiError:
        return
    if "leaderboard" not in board:
        raise ReplayFailed(f"The server at {url} is not a scoreboard")


def _repeated(task: str, read: Callable[[], T]) -> T:
    retry_policy = RetryPolicy(task)
    while True:
        try:
            return read()
        except RequestFailed as error:
            delay_seconds = retry_policy.delay_after(error)
        time.sleep(delay_seconds)
