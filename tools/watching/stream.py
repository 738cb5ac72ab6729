"""The frames of the WebSocket, whatever happens to the connection."""

from __future__ import annotations

import json
import random
import time
from typing import Any, Protocol

import requests
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tools.watching.address import WatchingFailed
from tools.watching.tokens import Tokens

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
LOOK_SECONDS = 0.5
"""How often the view gets its turn while nothing comes."""
RENEW_AT = 0.8
"""Of a token's life."""
TOKEN_ENDED = 4401
_UNAUTHORIZED, _TOO_MANY_REQUESTS, _SERVER_ERROR = 401, 429, 500


class View(Protocol):
    """What shows the frames; it ends the watching by raising."""

    def frame(self, message: dict[str, Any]) -> None:
        """A frame came; boards only of a version that is not older than the one before."""

    def away(self, cause: str, seconds: float) -> None:
        """There is no connection; the next try is so many seconds away."""

    def idle(self) -> None:
        """Nothing new; called twice a second."""


class Stream:
    """Connects, and connects again: after the delay the server gave, else with backoff."""

    def __init__(self, url: str, tokens: Tokens, view: View) -> None:
        self._url = url
        self._tokens = tokens
        self._view = view
        self._version = -1
        self._pause = FIRST_PAUSE

    def run(self) -> None:
        """Watch until the view raises, or WatchingFailed says that there is no coming back."""
        while True:
            try:
                cause, seconds = self._watch()
            except (OSError, InvalidHandshake, requests.RequestException) as error:
                # websockets' own timeouts are OSErrors too.
                cause, seconds = str(error) or type(error).__name__, None
            self._wait(cause, self._backoff() if seconds is None else seconds)

    def _watch(self) -> tuple[str, float | None]:
        """One connection; why it ended, and the server's delay in seconds if it gave one."""
        headers = {"Authorization": f"Bearer {self._tokens.current()}"}
        try:
            with connect(self._url, additional_headers=headers, close_timeout=1) as socket:
                return self._read(socket)
        except InvalidStatus as refused:
            self._judge(refused)
            raise

    def _judge(self, refused: InvalidStatus) -> None:
        """Raise WatchingFailed unless trying again may help; a renewed token may."""
        status = refused.response.status_code
        if status == _UNAUTHORIZED and self._tokens.renewable:
            self._tokens.renew()
        elif status < _SERVER_ERROR and status != _TOO_MANY_REQUESTS:
            raise WatchingFailed(f"The server won't let us watch: {_told(refused)}") from refused

    def _read(self, socket: ClientConnection) -> tuple[str, float | None]:
        goodbye: dict[str, Any] | None = None
        renew_at = float("inf")
        while True:
            try:
                if time.monotonic() >= renew_at:
                    renew_at = self._renew(socket)
                message = json.loads(socket.recv(LOOK_SECONDS))
            except TimeoutError:
                self._view.idle()
                continue
            except ConnectionClosed as closed:
                return self._closed(closed, goodbye)
            match message:
                case {"event": "connected", "data": {"tokenExpiresIn": int(life)}}:
                    if self._tokens.renewable:
                        renew_at = time.monotonic() + life * RENEW_AT
                case {"event": "disconnect", "data": dict(data)}:
                    goodbye = data
                case {"event": "leaderboard_update", "data": {"version": int(version)}}:
                    if version < self._version:
                        continue
                    self._version, self._pause = version, FIRST_PAUSE
            self._view.frame(message)

    def _renew(self, socket: ClientConnection) -> float:
        """Go on by a newer token without leaving; when to try again, should no answer tell."""
        try:
            token = self._tokens.renew()
        except requests.RequestException:
            return time.monotonic() + LONGEST_PAUSE
        socket.send(json.dumps({"type": "auth", "token": token}))
        return float("inf")

    def _closed(
        self, closed: ConnectionClosed, goodbye: dict[str, Any] | None
    ) -> tuple[str, float | None]:
        if goodbye is None:
            return "the connection was lost", None
        reason, delay = str(goodbye["reason"]), goodbye["reconnectInMs"]
        if delay is None:
            raise WatchingFailed(f"The server closed for good: {reason}")
        if closed.rcvd is not None and closed.rcvd.code == TOKEN_ENDED:
            self._tokens.renew()
        return reason, delay / 1000

    def _backoff(self) -> float:
        """Longer each time, and by chance, so that many who were cut off don't come together."""
        pause = self._pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        return pause

    def _wait(self, cause: str, seconds: float) -> None:
        until = time.monotonic() + seconds
        self._view.away(cause, seconds)
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_SECONDS))
            self._view.idle()


def _told(refused: InvalidStatus) -> str:
    try:
        return str(json.loads(refused.response.body or b"")["message"])
    except (ValueError, KeyError, TypeError):
        return f"status {refused.response.status_code}"
