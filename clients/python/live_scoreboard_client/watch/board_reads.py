"""Reads one board over HTTP."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote

import httpx

from ..calls import Calls
from ..models import Board, Period

MAIN = "main"
ROWS = 10


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
        params: dict[str, Any] = {"limit": ROWS}
        if self._is_main():
            path = "/api/leaderboard"
        else:
            path = f"/api/boards/{quote(self._board, safe='')}/leaderboard"
            if self._period is not None:
                params["period"] = self._period
        return cast(Board, await self._calls.call("GET", path, params=params))

    def _is_main(self) -> bool:
        return self._board == MAIN and self._period in {None, "all"}
