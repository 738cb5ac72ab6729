"""Receives the frames of the WebSocket and reconnects when the connection ends."""

from __future__ import annotations

import json
import random
import time
from typing import Any, Protocol

import requests
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tools.watcher.address import WatchFailed
from tools.watcher.tokens import TokenSource

FIRST_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 1.0, 30.0
IDLE_SECONDS = 0.5
"""How often the view's `on_idle` is called while no frame comes."""
RENEW_AT_SHARE = 0.8
"""The share of a token's lifetime after which it is renewed."""
CLOSE_TOKEN_ENDED = 4401
_UNAUTHORIZED, _TOO_MANY_REQUESTS, _SERVER_ERROR = 401, 429, 500


class View(Protocol):
    """Shows the frames. Ends the stream by raising an exception."""

    def show_frame(self, message: dict[str, Any]) -> None:
        """A frame came. The version of a board is never lower than that of the board before."""

    def show_disconnected(self, cause: str, retry_seconds: float) -> None:
        """The connection ended; the next attempt is made after `retry_seconds`."""

    def on_idle(self) -> None:
        """No frame came for IDLE_SECONDS."""


class BoardStream:
    """Connects, and reconnects after the delay that the server gave, or else with a backoff."""

    def __init__(
        self,
        url: str,
        tokens: TokenSource,
        view: View,
        *,
        first_backoff_seconds: float = FIRST_BACKOFF_SECONDS,
        max_backoff_seconds: float = MAX_BACKOFF_SECONDS,
    ) -> None:
        self._url = url
        self._tokens = tokens
        self._view = view
        self._version = -1
        self._first_backoff_seconds = first_backoff_seconds
        self._max_backoff_seconds = max_backoff_seconds
        self._backoff_seconds = first_backoff_seconds

    def run(self) -> None:
        """Receive frames until the view raises; raises WatchFailed if a retry would not help."""
        while True:
            try:
                cause, delay_seconds = self._connect()
            except (OSError, InvalidHandshake, requests.RequestException) as error:
                # The timeouts of websockets are OSErrors too.
                cause, delay_seconds = str(error) or type(error).__name__, None
            self._wait(cause, self._next_backoff() if delay_seconds is None else delay_seconds)

    def _connect(self) -> tuple[str, float | None]:
        """Use one connection; returns why it ended and the server's delay in seconds, if any."""
        headers = {"Authorization": f"Bearer {self._tokens.current()}"}
        try:
            with connect(self._url, additional_headers=headers, close_timeout=1) as socket:
                return self._receive(socket)
        except InvalidStatus as refusal:
            self._handle_refusal(refusal)
            raise

    def _handle_refusal(self, refusal: InvalidStatus) -> None:
        """Raise WatchFailed unless a retry may help. Renews a renewable token on a 401."""
        status = refusal.response.status_code
        if status == _UNAUTHORIZED and self._tokens.renewable:
            self._tokens.renew()
        elif status < _SERVER_ERROR and status != _TOO_MANY_REQUESTS:
            raise WatchFailed(
                f"The server refused the connection: {_message(refusal)}"
            ) from refusal

    def _receive(self, socket: ClientConnection) -> tuple[str, float | None]:
        disconnect: dict[str, Any] | None = None
        renew_at = float("inf")
        while True:
            try:
                if time.monotonic() >= renew_at:
                    renew_at = self._renew(socket)
                message = json.loads(socket.recv(IDLE_SECONDS))
            except TimeoutError:
                self._view.on_idle()
                continue
            except ConnectionClosed as closed:
                return self._handle_close(closed, disconnect)
            match message:
                case {"event": "connected", "data": {"tokenExpiresIn": int(lifetime)}}:
                    if self._tokens.renewable:
                        renew_at = time.monotonic() + lifetime * RENEW_AT_SHARE
                case {"event": "disconnect", "data": dict(data)}:
                    disconnect = data
                case {"event": "leaderboard_update", "data": {"version": int(version)}}:
                    if version < self._version:
                        continue
                    self._version = version
                    self._backoff_seconds = self._first_backoff_seconds
            self._view.show_frame(message)

    def _renew(self, socket: ClientConnection) -> float:
        """Send a new token on the open connection.

        Returns the monotonic time of the next renewal: infinity after a success, because the
        server's next `connected` frame sets it.
        """
        try:
            token = self._tokens.renew()
        except requests.RequestException:
            return time.monotonic() + MAX_BACKOFF_SECONDS
        socket.send(json.dumps({"type": "auth", "token": token}))
        return float("inf")

    def _handle_close(
        self, closed: ConnectionClosed, disconnect: dict[str, Any] | None
    ) -> tuple[str, float | None]:
        if disconnect is None:
            return "the connection was lost", None
        reason, delay_ms = str(disconnect["reason"]), disconnect["reconnectInMs"]
        if delay_ms is None:
            raise WatchFailed(f"The server closed the connection for good: {reason}")
        if closed.rcvd is not None and closed.rcvd.code == CLOSE_TOKEN_ENDED:
            self._tokens.renew()
        return reason, delay_ms / 1000

    def _next_backoff(self) -> float:
        """Seconds to wait: doubles each time, with jitter so that clients don't return together."""
        seconds = self._backoff_seconds * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        self._backoff_seconds = min(self._backoff_seconds * 2, self._max_backoff_seconds)
        return seconds

    def _wait(self, cause: str, seconds: float) -> None:
        end = time.monotonic() + seconds
        self._view.show_disconnected(cause, seconds)
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, IDLE_SECONDS))
            self._view.on_idle()


def _message(refusal: InvalidStatus) -> str:
    try:
        return str(json.loads(refusal.response.body or b"")["message"])
    except (ValueError, KeyError, TypeError):
        return f"status {refusal.response.status_code}"
