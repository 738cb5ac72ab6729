"""Reads a board from the API: its rules and all its rows."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tools.replayer.api import ApiClient, ReplayFailed, Reply
from tools.replayer.comparison import Standing, competition_ranks
from tools.replayer.files import Event
from tools.replayer.retry_policy import RetryPolicy

PAGE_ROWS = 100
_OK = 200


@dataclass(frozen=True)
class BoardRow:
    """One row of the board."""

    rank: int
    username: str
    display_name: str
    score: int


@dataclass(frozen=True)
class BoardRules:
    """How a board makes the scores of a service's acts."""

    combine: str
    """`sum`, `best` or `latest`."""
    better: str
    """`high` or `low`."""

    def table(self, events: Iterable[Event]) -> dict[str, Standing]:
        """The table that these events make."""
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


def read_main(api: ApiClient, min_version: int | None) -> list[BoardRow]:
    """All rows of `main` of at least this version; raises ReplayFailed."""
    params = {} if min_version is None else {"minVersion": min_version}
    return _read_pages(api, "/leaderboard", params)


def read_board(api: ApiClient, key: str) -> list[BoardRow]:
    """All rows of a board in its first period; raises ReplayFailed."""
    return _read_pages(api, f"/boards/{key}/leaderboard", {})


def read_rules(api: ApiClient, key: str) -> BoardRules:
    """The rules of a board that services score on; raises ReplayFailed."""
    reply = _read(api, f"/boards/{key}", {})
    if reply.body["scoredBy"] != "service":
        raise ReplayFailed(f"The players of the board {key} score themselves: omit --board")
    return BoardRules(reply.body["combine"], reply.body["better"])


def _read_pages(api: ApiClient, path: str, query: dict[str, Any]) -> list[BoardRow]:
    rows: list[BoardRow] = []
    params = {"limit": PAGE_ROWS, **query}
    while True:
        body = _read(api, path, params).body
        for row in body["leaderboard"]:
            rows.append(BoardRow(row["rank"], row["username"], row["displayName"], row["score"]))
        if body["next"] is None:
            return rows
        params["after"] = body["next"]


def check_server(api: ApiClient) -> None:
    """Raise ReplayFailed unless the server at the URL is a scoreboard."""
    reply = api.get("/leaderboard", {"limit": 1})
    if reply.status == 0:
        raise ReplayFailed(f"No reply from {api.url}: is the server running? (`make run`)")
    if reply.status == _OK and "leaderboard" not in reply.body:
        raise ReplayFailed(f"The server at {api.url} is not a scoreboard")


def _read(api: ApiClient, path: str, params: dict[str, Any]) -> Reply:
    retry_policy = RetryPolicy(f"Reading {path}")
    while (reply := api.get(path, params)).status != _OK:
        time.sleep(retry_policy.delay_after(reply))
    return reply
