"""Watches a board over the best transport that works, and keeps its newest version."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar, cast

from ..credentials import Credentials
from ..errors import WatchEnded
from ..models import Board, Contest, Event, Handlers, Rank, Reveal, State
from .address import Addresses
from .board_reads import BoardReads
from .levels import Level
from .polling import PollTransport
from .stream import StreamTransport
from .transport import Transport
from .websocket import WebSocketTransport

T = TypeVar("T")


class _HandlerFailed(Exception):
    """A handler raised the cause, which a transport must not take for an error of its own."""


class AsyncWatch:
    """One watched board, made by AsyncScoreboard.

    `board`, `contest` and `state` are the present ones; `contest` is None without a clock.
    """

    def __init__(
        self,
        reads: BoardReads,
        credentials: Credentials,
        addresses: Addresses,
        handlers: Handlers,
        on_ended: Callable[[AsyncWatch], object],
    ) -> None:
        self.board: Board | None = None
        self.contest: Contest | None = None
        self.state = State("connecting")
        self._reads = reads
        self._handlers = handlers
        transports: list[Transport] = [StreamTransport(addresses, reads), PollTransport(reads)]
        if credentials.present:
            wants_rank = handlers.on_rank is not None
            transports.insert(
                0, WebSocketTransport(addresses, reads, credentials, wants_rank=wants_rank)
            )
        self._level = Level(transports, self)
        self._error: BaseException | None = None
        self._changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(lambda _: on_ended(self))

    async def wait_for_version(self, version: int, timeout: float = 10.0) -> Board:
        """The board once it has this version or a later one, such as `boardVersion` of a point.

        Raises TimeoutError after `timeout` seconds, and what ended the watch.
        """
        async with asyncio.timeout(timeout):
            while True:
                board = self.board
                if board is not None and board.get("version", -1) >= version:
                    return board
                if self._task.done():
                    await self.wait_until_ended()
                await asyncio.wait({self._changed})

    async def wait_until_ended(self) -> NoReturn:
        """Raises WatchEnded when the watch ends or is closed, or what a handler raised."""
        await asyncio.wait({self._task})
        raise self._error or WatchEnded("The watch was closed")

    async def close(self) -> None:
        """End the watch."""
        self._task.cancel()
        await asyncio.wait({self._task})

    def receive(self, event: Event) -> None:
        """Handle an event; ignored if its board or contest is equal to the present one or older."""
        data: Any = event.get("data", {})
        handlers = self._handlers
        is_board = event["event"] == "leaderboard_update"
        if is_board:
            if not self._is_new(data):
                return
            self.board = data
            self._notify()
        elif event["event"] == "contest":
            if not self._is_new_contest(data):
                return
            self.contest = data
            _call(handlers.on_contest, cast(Contest, data))
        _call(handlers.on_event, event)
        if is_board:
            _call(handlers.on_board, data)
        if event["event"] == "rank_update":
            _call(handlers.on_rank, cast(Rank, data))
        if event["event"] == "reveal":
            _call(handlers.on_reveal, cast(Reveal, data))

    def level_changed(self) -> None:
        """Work out the state from the transports."""
        level: Level | None = self._level
        while level is not None and level.live_since is None:
            level = level.lower
        first = self._level
        if level is not None:
            name = level.transport.name
            self._show(State("polling" if name == "polling" else "live", name))
        elif first.cause:
            self._show(State("waiting", "", first.cause, first.retry_seconds))
        else:
            self._show(State("connecting"))

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._level.run(tasks))
        except ExceptionGroup as group:
            error = group.exceptions[0]
            self._error = error.__cause__ if isinstance(error, _HandlerFailed) else error
            self._show(State("ended", cause=str(self._error)))
        finally:
            self._notify()

    def _is_new(self, board: Board) -> bool:
        if self.board is None:
            return True
        version, present = board.get("version"), self.board.get("version", -1)
        if version is None or version == present:
            # While Redis is down, scores and names change but the version does not.
            return board != self.board
        return version > present

    def _is_new_contest(self, contest: Contest) -> bool:
        # Each connection begins with the contest, and each read of a board has one, also without a
        # clock.
        return _has_clock(contest) if self.contest is None else contest != self.contest

    def _show(self, state: State) -> None:
        if state == self.state:
            return
        self.state = state
        _call(self._handlers.on_state, state)

    def _notify(self) -> None:
        self._changed.set_result(None)
        self._changed = asyncio.get_running_loop().create_future()


def _has_clock(contest: Contest) -> bool:
    times = (contest["opensAt"], contest["freezesAt"], contest["closesAt"])
    return contest["state"] != "open" or any(times)


def _call(handler: Callable[[T], None] | None, argument: T) -> None:
    if handler is None:
        return
    try:
        handler(argument)
    except BaseException as error:
        raise _HandlerFailed from error
