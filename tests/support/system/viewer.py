"""A viewer that records the boards that it receives."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self, cast

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin


class ViewerClient:
    """A WebSocket client with its own thread; `boards` are the received updates in order."""

    def __init__(self, websocket_url: str, access_token: str, *, origin: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {access_token}"}
        self._stack = ExitStack()
        self._socket = self._stack.enter_context(
            connect(websocket_url, additional_headers=headers, origin=cast(Origin | None, origin))
        )
        self._changed = threading.Condition()
        self.boards: list[dict[str, Any]] = []
        self.closed_with: int | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)

    def await_board(self, version: int, seconds: float) -> dict[str, Any]:
        """The first board of that version or newer; fails the test if none arrives in time."""

        def arrived() -> bool:
            return bool(self.boards) and self.boards[-1]["version"] >= version

        with self._changed:
            assert self._changed.wait_for(arrived, seconds), f"no board within {seconds} s"
            return next(board for board in self.boards if board["version"] >= version)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
        self._thread.join()

    def _read(self) -> None:
        try:
            for frame in self._socket:
                message = json.loads(frame)
                if message["event"] == "leaderboard_update":
                    with self._changed:
                        self.boards.append(message["data"])
                        self._changed.notify_all()
        except ConnectionClosed as closed:
            self.closed_with = closed.rcvd.code if closed.rcvd else None
