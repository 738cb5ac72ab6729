"""The WebSocket, with a token."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NoReturn, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from ..calls import retry_after
from ..credentials import RENEWAL_MARGIN_SECONDS, Credentials
from ..errors import RequestFailed, SessionEnded, WatchEnded
from ..models import Event
from .address import Addresses
from .board_reads import BoardReads
from .transport import OPEN_SECONDS, ConnectionFailed, Receiver, with_query

PING_SECONDS = 20.0
RENEWAL_RETRY_SECONDS = 5.0
CLOSE_TOKEN_ENDED = 4401
BOARD_EVENTS = {"leaderboard_update", "rank_update", "reveal", "contest"}
"""Events of the watched board. A broadcaster of an older version sends those of `main` instead."""
_REFUSED_FOR_GOOD = {"AUTH_REQUIRED", "AUTH_INVALID", "USER_BANNED"}


class WebSocketTransport:
    """The WebSocket, with the token of `credentials`, which is renewed on the open connection."""

    name = "websocket"

    def __init__(
        self,
        addresses: Addresses,
        reads: BoardReads,
        credentials: Credentials,
        *,
        wants_rank: bool,
    ) -> None:
        self._addresses = addresses
        self._reads = reads
        self._credentials = credentials
        self._wants_rank = wants_rank

    async def run(self, receiver: Receiver) -> NoReturn:
        try:
            token = await self._credentials.token()
            try:
                await self._connect(receiver, token)
            except InvalidStatus as refusal:
                await self._refused(refusal, token)
        except SessionEnded as error:
            raise WatchEnded(str(error)) from error
        except (OSError, InvalidHandshake, RequestFailed) as error:
            # The timeouts of websockets are OSErrors too.
            raise ConnectionFailed(str(error) or type(error).__name__) from error
        raise ConnectionFailed("the connection was lost")

    async def _connect(self, receiver: Receiver, token: str) -> None:
        url = with_query(await self._addresses.websocket(), self._reads.query)
        headers = {"Authorization": f"Bearer {token}"}
        async with connect(
            url,
            additional_headers=headers,
            open_timeout=OPEN_SECONDS,
            close_timeout=1,
            ping_interval=PING_SECONDS,
        ) as socket:
            await self._receive(socket, receiver, token)

    async def _refused(self, refusal: InvalidStatus, token: str) -> NoReturn:
        code, message = _error_of(refusal)
        if code not in _REFUSED_FOR_GOOD:
            seconds = retry_after(refusal.response.headers)
            raise ConnectionFailed(message, seconds or None) from refusal
        if code == "USER_BANNED" or not self._credentials.renewable:
            raise WatchEnded(f"The server refused the connection: {message}") from refusal
        await self._renew(token)
        raise ConnectionFailed(message) from refusal

    async def _receive(self, socket: ClientConnection, receiver: Receiver, token: str) -> None:
        disconnect: dict[str, Any] | None = None
        renewal: asyncio.Task[None] | None = None
        try:
            async for text in socket:
                event = cast(Event, json.loads(text))
                data = event.get("data", {})
                if event["event"] == "connected":
                    if renewal is not None:
                        renewal.cancel()
                    elif self._wants_rank:
                        await socket.send(json.dumps({"type": "watch_me"}))
                    renewal = self._renew_later(socket, data["tokenExpiresIn"])
                    receiver.live()
                elif event["event"] == "disconnect":
                    disconnect = data
                elif event["event"] in BOARD_EVENTS and not self._reads.is_of(data):
                    continue
                receiver.receive(event)
        except ConnectionClosed:
            pass  # the same as a close frame without an error: the event says why
        finally:
            if renewal is not None:
                renewal.cancel()
        if disconnect is not None:
            await self._disconnected(disconnect, socket.close_code, token)

    async def _disconnected(
        self, disconnect: dict[str, Any], code: int | None, token: str
    ) -> NoReturn:
        reason, delay_ms = str(disconnect["reason"]), disconnect["reconnectInMs"]
        if code == CLOSE_TOKEN_ENDED and self._credentials.renewable:
            await self._renew(token)
            raise ConnectionFailed(reason, None if delay_ms is None else delay_ms / 1000)
        if delay_ms is None:
            raise WatchEnded(f"The server closed the connection for good: {reason}")
        raise ConnectionFailed(reason, delay_ms / 1000)

    async def _renew(self, token: str) -> None:
        try:
            await self._credentials.renew(token)
        except SessionEnded as error:
            raise WatchEnded(str(error)) from error
        except RequestFailed as error:
            raise ConnectionFailed(str(error)) from error

    def _renew_later(self, socket: ClientConnection, lifetime: float) -> asyncio.Task[None]:
        async def renew() -> None:
            if not self._credentials.renewable:
                return
            await asyncio.sleep(lifetime - min(RENEWAL_MARGIN_SECONDS, lifetime / 2))
            while True:
                try:
                    token = await self._credentials.token()
                except RequestFailed:
                    await asyncio.sleep(RENEWAL_RETRY_SECONDS)
                    continue
                except SessionEnded:
                    return  # the server closes the connection with the reason
                await socket.send(json.dumps({"type": "auth", "token": token}))
                return

        return asyncio.create_task(renew())


def _error_of(refusal: InvalidStatus) -> tuple[str, str]:
    """The code and the message of the error, or the status where it is not the API's."""
    status = f"status {refusal.response.status_code}"
    try:
        body = json.loads(refusal.response.body or b"")
        return str(body["code"]), str(body["message"])
    except (ValueError, KeyError, TypeError):
        return "", status
