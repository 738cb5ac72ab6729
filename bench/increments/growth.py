"""How the cost grows with the board: the same measurement with boards of several sizes."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from functools import partial
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from bench.increments.load import WrkLoad
from bench.increments.players import log_in
from bench.increments.site import BenchSite, site

CONNECTIONS, LOGGED_IN, READS, ROUNDS = 16, 10_000, 100, 5
MAX_GROWTH = 1.3


@dataclass(frozen=True)
class Costs:
    """Medians for one size, in ms."""

    increment: float
    """The latency of an increment with its newRank, at 16 connections."""
    top_ten: float
    """A top ten that an increment has just changed, so that no cache has it."""
    around_me: float


def print_growth(sizes: Sequence[int], seconds: int, folder: Path) -> bool:
    """Print the table; False if a cost grew by more than MAX_GROWTH."""
    print("\nHow the cost grows with the players on the board (ms)")
    names = [field.name for field in fields(Costs)]
    print("".join(f"{name:>13}" for name in ("players", *names, "most grown")))
    with ExitStack() as stack:
        boards = [_Board(stack.enter_context(site(size, folder)), folder) for size in sizes]
        # In turns, so that other work of the machine affects all of them alike.
        found = [[board.costs(seconds) for board in boards] for _ in range(ROUNDS)]
    met = True
    for position, size in enumerate(sizes):
        costs = [median(getattr(each[position], name) for each in found) for name in names]
        growth = max(
            median(getattr(each[position], name) / getattr(each[0], name) for each in found)
            for name in names
        )
        met = met and growth <= MAX_GROWTH
        print(f"{size:>13,}" + "".join(f"{cost:>13.2f}" for cost in costs) + f"{growth:>13.2f}")
    print(f"  growth: at most {MAX_GROWTH}: {'met' if met else 'MISSED'}")
    return met


class _Board:
    """A board of one size and some of its players, logged in."""

    def __init__(self, running: BenchSite, folder: Path) -> None:
        self._access = log_in(running, LOGGED_IN)
        self._load = WrkLoad(running, self._access, folder)
        self._client = _Client(running.url)
        rows = self._client.get("/api/leaderboard", "")["leaderboard"]
        self._leaders = cycle([row["userId"] for row in rows])

    def costs(self, seconds: int) -> Costs:
        # The API closes connections that are idle while other boards are measured.
        self._client.reconnect()
        self._load.provide(1_500 * seconds)
        spent = self._load.spend(CONNECTIONS, seconds)
        top_ten = [self._changed_top_ten() for _ in range(READS)]
        tokens = list(self._access.values())[:READS]
        read = partial(self._client.get, "/api/leaderboard/around-me")
        around = [_timed(partial(read, token)) for token in tokens]
        increment = CONNECTIONS / spent.rate(spent.counted) * 1e3
        return Costs(increment, median(top_ten), median(around))

    def _changed_top_ten(self) -> float:
        access = self._access[next(self._leaders)]
        token = self._client.post("/api/actions/token", access, {})["actionToken"]
        counted = self._client.post("/api/scores/increment", access, {"actionToken": token})
        path = f"/api/leaderboard?minVersion={counted['boardVersion']}"
        return _timed(partial(self._client.get, path, ""))


def _timed(act: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1e3


class _Client:
    """A client with one connection that it keeps open."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)

    def reconnect(self) -> None:
        """Open a new connection at the next request."""
        self._connection.close()

    def get(self, path: str, access: str) -> dict[str, Any]:
        return self._send("GET", path, access, None)

    def post(self, path: str, access: str, body: Mapping[str, str]) -> dict[str, Any]:
        return self._send("POST", path, access, json.dumps(body))

    def _send(self, method: str, path: str, access: str, body: str | None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if access:
            headers["Authorization"] = f"Bearer {access}"
        self._connection.request(method, path, body, headers)
        reply = self._connection.getresponse()
        text = reply.read()
        if reply.status != http.client.OK:
            raise RuntimeError(f"{method} {path}: {reply.status} {text!r}")
        found: dict[str, Any] = json.loads(text)
        return found
