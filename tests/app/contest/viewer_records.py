"""What viewers and subscribers of Redis receive of a board, comparable between two boards."""

from __future__ import annotations

import json
import secrets
import socket
import threading
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, Self

import redis
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.app.contest.public_surfaces import Normalizer


class Frame(NamedTuple):
    """A text frame, or an event of an event stream with its id."""

    event: str
    data: dict[str, Any]
    number: str = ""


class FrameRecorder:
    """All that one connection receives: a WebSocket, which also asks for rank updates, or without
    a token an event stream."""

    def __init__(self, address: tuple[str, int], token: str | None, key: str, period: str) -> None:
        self.period = period
        self.closed = False
        self.received: list[Frame] = []
        self._key = key
        self._socket = socket.create_connection(address, timeout=10)
        self._socket.settimeout(None)
        host, query = f"{address[0]}:{address[1]}", f"board={key}&period={period}"
        if token:
            headers = {"Authorization": f"Bearer {token}"}
            read = partial(self._read_socket, f"ws://{host}/ws?{query}", headers)
        else:
            request = f"GET /stream?{query} HTTP/1.1\r\nHost: {host}\r\n\r\n"
            self._socket.sendall(request.encode())
            read = partial(self._read_stream)
        self._thread = threading.Thread(target=self._run, args=(read,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    @property
    def version(self) -> int:
        """That of the last board."""
        return max((each.data["version"] for each in self._of("leaderboard_update")), default=0)

    @property
    def boards(self) -> list[str]:
        """All boards in their order."""
        normalized = Normalizer(self._key)
        return [normalized(json.dumps(each)) for each in self._of("leaderboard_update")]

    @property
    def last(self) -> dict[str, str]:
        """The last frame of each other event.

        How many there were before is chance: rank updates come in rounds of a second, and clocks
        are read every two seconds. Both may miss what lasts for less.
        """
        return {
            each.event: Normalizer(self._key)(json.dumps(each))
            for each in [*self.received]
            if each.event != "leaderboard_update"
        }

    def has_score(self, score: int) -> bool:
        """Whether a rank update had it."""
        return any(each.data["score"] == score for each in self._of("rank_update"))

    def has_state(self, state: str) -> bool:
        """Whether the last clock says that the board is in this state."""
        return any(each.data["state"] == state for each in self._of("contest")[-1:])

    def _of(self, event: str) -> list[Frame]:
        return [each for each in [*self.received] if each.event == event]

    def _run(self, read: Any) -> None:
        with suppress(OSError, ConnectionClosed):
            read()
        self.closed = True

    def _read_socket(self, url: str, headers: dict[str, str]) -> None:
        with connect(url, sock=self._socket, additional_headers=headers) as viewer:
            viewer.send(json.dumps({"type": "watch_me"}))
            for text in viewer:
                frame = json.loads(text)
                self._add(Frame(frame["event"], frame["data"]))

    def _read_stream(self) -> None:
        with self._socket, self._socket.makefile("r", encoding="utf-8") as lines:
            fields: dict[str, str] = {}
            for line in lines:
                name, _, value = line.strip().partition(": ")
                if name:
                    fields[name] = value
                elif "event" in fields:
                    data = json.loads(fields["data"])
                    self._add(Frame(fields["event"], data, fields.get("id", "")))
                if not name:
                    fields = {}

    def _add(self, frame: Frame) -> None:
        # The first event has the seconds until the token expires.
        if frame.event != "connected":
            self.received.append(frame)


class ChannelLog:
    """The messages of all channels of Redis."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._subscription = client.pubsub(ignore_subscribe_messages=True)
        self._subscription.psubscribe("*")
        self._messages: list[tuple[str, str]] = []
        self._read()

    def close(self) -> None:
        self._subscription.close()

    def of(self, keys: Iterable[str]) -> list[dict[str, list[str]]]:
        """For each board, the messages until now by channel, because their order between channels
        has no meaning."""
        self._read()
        return [self._of(key) for key in keys]

    def _of(self, key: str) -> dict[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for channel, data in self._messages:
            if key in channel + data:
                found[channel.replace(key, "KEY")].append(Normalizer(key)(data))
        return dict(found)

    def _read(self) -> None:
        """Read what was published before this call."""
        mark = secrets.token_hex(8)
        self._client.publish(mark, mark)
        while True:
            message: Any = self._subscription.get_message(timeout=1)
            if message and message["channel"] == mark:
                return
            if message:
                self._messages.append((message["channel"], message["data"]))
