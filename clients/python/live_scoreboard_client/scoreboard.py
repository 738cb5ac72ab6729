"""The scoreboard for programs without asyncio: the same calls, which block."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn, Self

from .async_scoreboard import AsyncScoreboard
from .loop_thread import LoopThread
from .models import Board, Contest, Event, Outcome, Period, Rank, Reveal, Row, Settings, State
from .watch.watch import AsyncWatch


class Watch:
    """One watched board, made by Scoreboard."""

    def __init__(self, thread: LoopThread, watch: AsyncWatch) -> None:
        self._thread = thread
        self._watch = watch

    @property
    def board(self) -> Board | None:
        """The present board; None before the first."""
        return self._watch.board

    @property
    def contest(self) -> Contest | None:
        """The contest of the board; None if the board has no clock, or before the first."""
        return self._watch.contest

    @property
    def state(self) -> State:
        """How the board is received now."""
        return self._watch.state

    def wait_for_version(self, version: int, timeout: float = 10.0) -> Board:
        """The board once it has this version or a later one, such as `boardVersion` of a point.

        Raises TimeoutError after `timeout` seconds, and what ended the watch.
        """
        return self._thread.run(self._watch.wait_for_version(version, timeout))

    def wait_until_ended(self) -> NoReturn:
        """Raises WatchEnded when the watch ends or is closed, or what a handler raised."""
        self._thread.run(self._watch.wait_until_ended())

    def close(self) -> None:
        """End the watch."""
        self._thread.run(self._watch.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Scoreboard:
    """A player's or a viewer's access to the scoreboard at `url`; close it at the end.

    `token` is an access token or a display token, in place of a login. `websocket_url` is the
    broadcaster's address; by default the client asks the server. Several threads may use one
    scoreboard. A thread of its own runs the watches. So make it after a fork.
    """

    def __init__(
        self, url: str, *, token: str | None = None, websocket_url: str | None = None
    ) -> None:
        self._thread = LoopThread()
        self._scoreboard = self._thread.call(
            lambda: AsyncScoreboard(url, token=token, websocket_url=websocket_url)
        )

    @property
    def user_id(self) -> str | None:
        """The player who is logged in."""
        return self._scoreboard.user_id

    def for_another_player(self) -> Scoreboard:
        """A scoreboard of the same site for another login, with the HTTP client of this one.

        It uses the thread of this one, so close this one last.
        """
        return _SharingScoreboard(
            self._thread, self._thread.call(self._scoreboard.for_another_player)
        )

    def broadcaster_address(self) -> str:
        """The address of the WebSocket; raises ApiError or NoReply, also if there is no board."""
        return self._thread.run(self._scoreboard.broadcaster_address())

    def login(self, username: str, password: str) -> str:
        """Log in and return the player's id; raises ApiError or NoReply."""
        return self._thread.run(self._scoreboard.login(username, password))

    def register(self, username: str, password: str, display_name: str | None = None) -> str:
        """Create an account, log in and return the player's id; raises ApiError or NoReply.

        Repeat the call after NoReply: it logs in to the account if the first call has created it.
        """
        return self._thread.run(self._scoreboard.register(username, password, display_name))

    def logout(self) -> None:
        """End the session; the client forgets the login even if the call fails.

        Raises ApiError or NoReply if the server may not have ended the session.
        """
        self._thread.run(self._scoreboard.logout())

    def score(self) -> Outcome:
        """Score one point on the board `main`, at most once.

        Requests without a reply are repeated with the same action token. Raises ApiError (a 429
        says after how many seconds to call again), NoReply or SessionEnded. After an error the next
        call first settles the point of this one.
        """
        return self._thread.run(self._scoreboard.score())

    def read_board(self, board: str = "main", period: Period | None = None) -> Board:
        """The top ten now; raises ApiError or NoReply."""
        return self._thread.run(self._scoreboard.read_board(board, period))

    def read_settings(self, board: str = "main") -> Settings:
        """The rules of a board, its clock and its state; raises ApiError or NoReply."""
        return self._thread.run(self._scoreboard.read_settings(board))

    def read_standings(
        self, board: str = "main", period: Period | None = None, *, min_version: int = 0
    ) -> list[Row]:
        """All rows now, of this version or a later one; raises ApiError or NoReply."""
        return self._thread.run(
            self._scoreboard.read_standings(board, period, min_version=min_version)
        )

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
    ) -> Watch:
        """Watch a board until the watch is closed, over the best way that works.

        With a token that is the WebSocket, else the event stream, else a read every 2 s. The
        handlers are called in a thread of the client: `on_rank` only over the WebSocket,
        `on_reveal` only over the WebSocket and the stream, `on_contest` if the board has a clock.
        """
        watch = self._thread.call(
            lambda: self._scoreboard.watch(
                board,
                period=period,
                on_board=on_board,
                on_rank=on_rank,
                on_reveal=on_reveal,
                on_contest=on_contest,
                on_state=on_state,
                on_event=on_event,
            )
        )
        return Watch(self._thread, watch)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the API with the login's token, such as ("GET", "/api/users/me").

        Raises ApiError, NoReply or SessionEnded.
        """
        return self._thread.run(self._scoreboard.call(method, path, body))

    def close(self) -> None:
        """End all watches and close the connections."""
        self._thread.close(self._scoreboard.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _SharingScoreboard(Scoreboard):
    """Uses the thread and the connections of another scoreboard."""

    def __init__(self, thread: LoopThread, scoreboard: AsyncScoreboard) -> None:
        self._thread = thread
        self._scoreboard = scoreboard

    def close(self) -> None:
        """End all watches."""
        self._thread.run(self._scoreboard.close())
