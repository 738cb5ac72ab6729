"""The scoreboard for programs with asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, cast

import httpx

from .calls import Calls
from .credentials import Credentials
from .errors import ApiError, RequestFailed
from .models import (
    Board,
    Contest,
    Event,
    Handlers,
    Outcome,
    Period,
    Rank,
    Reveal,
    Row,
    Settings,
    State,
)
from .point_scorer import PointScorer
from .watch.address import Addresses
from .watch.board_reads import BoardReads, board_path
from .watch.watch import AsyncWatch


class AsyncScoreboard:
    """A player's or a viewer's access to the scoreboard at `url`; close it at the end.

    `token` is an access token or a display token, in place of a login. `websocket_url` is the
    broadcaster's address; by default the client asks the server.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        websocket_url: str | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """`http` is a client that several scoreboards share; its owner closes it."""
        self._calls = Calls(url, http)
        self._credentials = Credentials(self._calls, token)
        self._addresses = Addresses(self._calls, websocket_url)
        self._scorer = PointScorer(self.call)
        self._watches: set[AsyncWatch] = set()
        self._unanswered_registration: tuple[str, str] | None = None
        """Name and password of an account that may have been created without a reply."""

    @property
    def user_id(self) -> str | None:
        """The player who is logged in."""
        return self._credentials.user_id

    def for_another_player(self) -> AsyncScoreboard:
        """A scoreboard of the same site for another login, with the HTTP client of this one."""
        return AsyncScoreboard(self._calls.url, http=self._calls.http)

    async def broadcaster_address(self) -> str:
        """The address of the WebSocket; raises ApiError or NoReply, also if there is no board."""
        return await self._addresses.websocket()

    async def login(self, username: str, password: str) -> str:
        """Log in and return the player's id; raises ApiError or NoReply."""
        body = {"username": username, "password": password}
        self._credentials.begin(await self._calls.call("POST", "/api/auth/login", body=body))
        return cast(str, self._credentials.user_id)

    async def register(self, username: str, password: str, display_name: str | None = None) -> str:
        """Create an account, log in and return the player's id; raises ApiError or NoReply.

        Repeat the call after NoReply: it logs in to the account if the first call has created it.
        """
        body = {"username": username, "password": password}
        if display_name is not None:
            body["displayName"] = display_name
        try:
            self._credentials.begin(await self._calls.call("POST", "/api/auth/register", body=body))
        except RequestFailed as error:
            if error.uncertain:
                self._unanswered_registration = (username, password)
            if not isinstance(error, ApiError) or error.code != "USERNAME_TAKEN":
                raise
            if self._unanswered_registration != (username, password):
                raise
            await self._log_in_to_own(username, password, error)
        self._unanswered_registration = None
        return cast(str, self._credentials.user_id)

    async def logout(self) -> None:
        """End the session; the client forgets the login even if the call fails.

        Raises ApiError or NoReply if the server may not have ended the session.
        """
        try:
            await self.call("POST", "/api/auth/logout")
        finally:
            self._credentials.end()

    async def score(self) -> Outcome:
        """Score one point on the board `main`, at most once.

        Requests without a reply are repeated with the same action token. Raises ApiError (a 429
        says after how many seconds to call again), NoReply or SessionEnded. After an error the next
        call first settles the point of this one.
        """
        return await self._scorer.score()

    async def read_board(self, board: str = "main", period: Period | None = None) -> Board:
        """The top ten now; raises ApiError or NoReply."""
        return await BoardReads(self._calls, board, period).read()

    async def read_settings(self, board: str = "main") -> Settings:
        """The rules of a board, its clock and its state; raises ApiError or NoReply."""
        return cast(Settings, await self._calls.call("GET", board_path(board)))

    async def read_standings(
        self, board: str = "main", period: Period | None = None, *, min_version: int = 0
    ) -> list[Row]:
        """All rows now, of this version or a later one; raises ApiError or NoReply."""
        return await BoardReads(self._calls, board, period).read_all(min_version)

    def watch(
        self,
        board: str = "main",
        *,
        period: Period | None = None,
        on_board: Callable[[Board], None] | None = None,
        on_rank: Callable[[Rank], None] | None = None,
        on_reveal: Callable[[Reveal], None] | None = None,
        on_contest: Callable[[Contest], None] | None = None,
        on_state: Callable[[State], None] | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> AsyncWatch:
        """Watch a board until the watch is closed, over the best way that works.

        With a token that is the WebSocket, else the event stream, else a read every 2 s. The
        handlers are called in the event loop; `on_rank` only over the WebSocket, `on_reveal` only
        over the WebSocket and the stream, `on_contest` if the board has a clock.
        """
        watch = AsyncWatch(
            BoardReads(self._calls, board, period),
            self._credentials,
            self._addresses,
            Handlers(on_board, on_rank, on_reveal, on_contest, on_state, on_event),
            self._watches.discard,
        )
        self._watches.add(watch)
        return watch

    async def _log_in_to_own(self, username: str, password: str, taken: ApiError) -> None:
        try:
            await self.login(username, password)
        except ApiError as error:
            raise taken if error.code == "INVALID_CREDENTIALS" else error from None

    async def call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Call the API with the login's token, such as ("GET", "/api/users/me").

        Raises ApiError, NoReply or SessionEnded.
        """
        token = await self._credentials.token()
        try:
            return await self._calls.call(method, path, body=body, token=token)
        except ApiError as error:
            if error.code != "AUTH_INVALID":
                raise
        token = await self._credentials.renew(token)
        return await self._calls.call(method, path, body=body, token=token)

    async def close(self) -> None:
        """End all watches and close the connections."""
        await asyncio.gather(*(watch.close() for watch in self._watches))
        await self._calls.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
