"""Reading the whole board over the API."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tools.replaying.api import Api, ReplayFailed, Reply
from tools.replaying.patience import Patience

PAGE = 100
_OK = 200


@dataclass(frozen=True)
class BoardRow:
    """One row as the board gives it."""

    rank: int
    user_id: str
    display_name: str
    score: int


def read_board(api: Api, min_version: int | None) -> list[BoardRow]:
    """All rows, page by page, of a board at least as new as `min_version`; raises ReplayFailed."""
    rows: list[BoardRow] = []
    params: dict[str, Any] = {"limit": PAGE}
    if min_version is not None:
        params["minVersion"] = min_version
    while True:
        body = _page(api, params).body
        for row in body["leaderboard"]:
            rows.append(BoardRow(row["rank"], row["userId"], row["displayName"], row["score"]))
        if body["next"] is None:
            return rows
        params["after"] = body["next"]


def look_at_board(api: Api) -> None:
    """Raise ReplayFailed unless a scoreboard answers at the URL."""
    reply = api.get("/leaderboard", {"limit": 1})
    if reply.status == 0:
        raise ReplayFailed(f"Nothing answers at {api.url}: is the server running? (`make run`)")
    if reply.status == _OK and "leaderboard" not in reply.body:
        raise ReplayFailed(f"What answers at {api.url} is no scoreboard")


def _page(api: Api, params: dict[str, Any]) -> Reply:
    patience = Patience("Reading the board")
    while (reply := api.get("/leaderboard", params)).status != _OK:
        time.sleep(patience.wait_after(reply))
    return reply
