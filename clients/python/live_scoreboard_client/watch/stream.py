"""The event stream (Server-Sent Events), without an account."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, NoReturn

import httpx

from ..calls import checked
from ..errors import ApiError, RequestFailed
from ..models import Event
from .address import Addresses
from .board_reads import BoardReads
from .transport import OPEN_SECONDS, ConnectionFailed, Receiver, with_query

SILENT_SECONDS = 45.0
"""A stream that has sent nothing for this time, not even a comment, is lost."""
MEDIA_TYPE = "text/event-stream"


class StreamTransport:
    """The event stream (Server-Sent Events), without an account."""

    name = "stream"

    def __init__(self, addresses: Addresses, reads: BoardReads) -> None:
        self._addresses = addresses
        self._reads = reads

    async def run(self, receiver: Receiver) -> NoReturn:
        timeout = httpx.Timeout(OPEN_SECONDS, read=SILENT_SECONDS)
        headers = {"Accept": MEDIA_TYPE}
        try:
            url = with_query(await self._addresses.stream(), self._reads.query)
            async with self._reads.http.stream(
                "GET", url, headers=headers, timeout=timeout
            ) as reply:
                if reply.headers.get("Content-Type", "").partition(";")[0] != "text/event-stream":
                    await reply.aread()
                    checked(reply)
                    raise ConnectionFailed("the reply is not an event stream")
                async for event in events(reply.aiter_lines()):
                    if event["event"] == "disconnect":
                        receiver.receive(event)
                        raise _disconnected(event["data"])
                    receiver.live()
                    receiver.receive(event)
        except ApiError as error:
            raise ConnectionFailed(str(error), error.retry_after_seconds or None) from error
        except (httpx.HTTPError, RequestFailed) as error:
            raise ConnectionFailed(str(error) or type(error).__name__) from error
        raise ConnectionFailed("the stream ended")


def _disconnected(data: dict[str, Any]) -> ConnectionFailed:
    delay_ms = data["reconnectInMs"]
    return ConnectionFailed(str(data["reason"]), None if delay_ms is None else delay_ms / 1000)


async def events(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    """The events of an event stream (HTML, section 9.2.6) whose data is JSON."""
    name, data = "message", list[str]()
    async for line in lines:
        field, _, value = line.partition(":")
        if line == "":
            if data:
                yield {"event": name, "data": json.loads("\n".join(data))}
            name, data = "message", []
        elif field == "event":
            name = value.removeprefix(" ")
        elif field == "data":
            data.append(value.removeprefix(" "))
