"""Reads of the board, where nothing better works."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn, cast

from ..errors import ApiError, RequestFailed, WatchEnded
from .board_reads import BoardReads
from .transport import ConnectionFailed, Receiver

POLL_SECONDS = 2.0
_FOR_GOOD = {"NOT_FOUND", "VALIDATION_ERROR"}
"""There is no such board, or it has no such period."""


class PollTransport:
    """A read of the board every POLL_SECONDS."""

    name = "polling"

    def __init__(self, reads: BoardReads) -> None:
        self._reads = reads

    async def run(self, receiver: Receiver) -> NoReturn:
        while True:
            try:
                board = await self._reads.read()
            except ApiError as error:
                if error.code in _FOR_GOOD and self._reads.query:
                    raise WatchEnded(str(error)) from error
                raise ConnectionFailed(str(error), error.retry_after_seconds or None) from error
            except RequestFailed as error:
                raise ConnectionFailed(str(error)) from error
            receiver.live()
            data = cast(dict[str, Any], board)
            contest = data.get("contest")
            receiver.receive({"event": "leaderboard_update", "data": data})
            if contest is not None:
                of_board = {name: data[name] for name in ("board", "period")}
                receiver.receive({"event": "contest", "data": contest | of_board})
            await asyncio.sleep(POLL_SECONDS)
