"""Reads one board over HTTP."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote

import httpx

from ..calls import Calls
from ..models import Board, Period, Row

MAIN = "main"
ROWS = 10
PAGE_ROWS = 100
"""The most that the API returns in one reply."""


def board_path(board: str) -> str:
    """The path of a board's settings."""
    return f"/api/boards/{quote(board, safe='')}"


class BoardReads:
    """The top ten of `board` in `period`; None is the board's first period."""

    def __init__(self, calls: Calls, board: str, period: Period | None) -> None:
        self._calls = calls
        self._board = board
        self._period = period

    @property
    def http(self) -> httpx.AsyncClient:
        """The connections of the reads."""
        return self._calls.http

    @property
    def query(self) -> dict[str, str]:
        """The parameters that select the board at the broadcaster; none for `main` of all time."""
        if self._is_main():
            return {}
        query = {"board": self._board}
        return query if self._period is None else query | {"period": self._period}

    def is_of(self, data: dict[str, Any]) -> bool:
        """Whether the data of an event are of this board. Those of `main` don't name it."""
        return all(data.get(name) == value for name, value in self.query.items())

    async def read(self) -> Board:
        """The present board; raises ApiError or NoReply."""
        return cast(Board, await self._page({"limit": ROWS}))

    async def read_all(self, min_version: int) -> list[Row]:
        """All rows of this version or a later one; raises ApiError or NoReply."""
        params = {"limit": PAGE_ROWS, "minVersion": min_version}
        rows: list[Row] = []
        while True:
            page = await self._page(params)
            rows += page["leaderboard"]
            if page["next"] is None:
                return rows
            params = {"limit": PAGE_ROWS, "after": page["next"]}

    async def _page(self, params: dict[str, Any]) -> dict[str, Any]:
        if self._is_main():
            return await self._calls.call("GET", "/api/leaderboard", params=params)
        if self._period is not None:
            params["period"] = self._period
        return await self._calls.call(
            "GET", f"{board_path(self._board)}/leaderboard", params=params
        )

    def _is_main(self) -> bool:
        return self._board == MAIN and self._period in {None, "all"}
