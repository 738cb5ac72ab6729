"""Reads the whole board from the API."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tools.replayer.api import ApiClient, ReplayFailed, Reply
from tools.replayer.retry_policy import RetryPolicy

PAGE_ROWS = 100
_OK = 200


@dataclass(frozen=True)
class BoardRow:
    """One row of the board."""

    rank: int
    user_id: str
    display_name: str
    score: int


def read_board(api: ApiClient, min_version: int | None) -> list[BoardRow]:
    """All rows of a board of at least this version, read in pages; raises ReplayFailed."""
    rows: list[BoardRow] = []
    params: dict[str, Any] = {"limit": PAGE_ROWS}
    if min_version is not None:
        params["minVersion"] = min_version
    while True:
        body = _read_page(api, params).body
        for row in body["leaderboard"]:
            rows.append(BoardRow(row["rank"], row["userId"], row["displayName"], row["score"]))
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


def _read_page(api: ApiClient, params: dict[str, Any]) -> Reply:
    retry_policy = RetryPolicy("Reading the board")
    while (reply := api.get("/leaderboard", params)).status != _OK:
        time.sleep(retry_policy.delay_after(reply))
    return reply
