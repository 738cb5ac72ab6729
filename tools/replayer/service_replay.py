"""The replay of a file as the scores that a trusted server reports, in batches."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from tools.replayer.api import TOO_MANY_REQUESTS, ApiClient, ReplayFailed, Reply
from tools.replayer.files import Event
from tools.replayer.player import Player
from tools.replayer.retry_policy import RetryPolicy
from tools.replayer.scheduler import Scheduler
from tools.replayer.tally import Tally

BATCH_ACTS = 500
"""The most that the API accepts in one call."""
_DIGITS = string.digits + string.ascii_lowercase
_TIME_DIGITS, _RANDOM_DIGITS = 8, 4
_OK, _CREATED = 200, 201
_DONE = ("counted", "repeated")


@dataclass(frozen=True)
class Run:
    """Names one replay, so that a repeat counts nothing twice: usernames and ids derive from it."""

    text: str
    """Its beginning in ms since 1970, in base 36, and random digits."""

    @classmethod
    def start(cls) -> Self:
        """A new run that begins now."""
        number, digits = time.time_ns() // 1_000_000, ""
        while number:
            number, digit = divmod(number, len(_DIGITS))
            digits = _DIGITS[digit] + digits
        tail = "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM_DIGITS))
        return cls(digits.rjust(_TIME_DIGITS, "0") + tail)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The run of an earlier replay; raises ValueError."""
        if not re.fullmatch(f"[0-9a-z]{{{_TIME_DIGITS + _RANDOM_DIGITS}}}", text):
            raise ValueError(text)
        return cls(text)

    @property
    def began_at_ms(self) -> int:
        """ms since 1970."""
        return int(self.text[:_TIME_DIGITS], len(_DIGITS))

    def act_id(self, board: str, row: int, at_ms: int) -> str:
        """The UUIDv7 of a row of the file; ids of one time are in the order of the rows."""
        tail = hashlib.sha256(f"{self.text} {board} {row}".encode()).digest()
        head = at_ms << 80 | 7 << 76 | (row >> 12 & 0xFFF) << 64 | 0b10 << 62
        return str(uuid.UUID(int=head | (row & 0xFFF) << 50 | int.from_bytes(tail) >> 206))


class ServiceReplay:
    """Registers players and reports their events in the order of the file, in batches.

    speed: how many times faster than the times in the file; 0 is as fast as the server allows.
    """

    def __init__(
        self,
        api: ApiClient,
        players: Sequence[Player],
        events: Sequence[Event],
        board: str,
        key: str,
        run: Run,
        speed: float,
    ) -> None:
        self.tally = Tally()
        self._api = api
        self._players = players
        self._events = events
        self._board = board
        self._key = key
        self.run = run
        self._speed = speed
        self._usernames = {player.name: player.username for player in players}
        self._registration_allowed_at = 0.0
        """Registrations are limited per address, so a 429 applies to all players."""

    def register(self, concurrency: int) -> None:
        """Register every player, unless an earlier replay of the run did; raises ReplayFailed."""
        # Not used again: the players of this replay never log in.
        password = secrets.token_urlsafe()
        Scheduler(
            self._players,
            lambda player: player.pending[0].row,
            lambda player: self._register(player, password),
        ).run(concurrency)

    def play(self) -> None:
        """Report every event; raises ReplayFailed. One request at a time, to keep the order."""
        acts = [self._act(row, event) for row, event in enumerate(self._events)]
        start = 0
        while start < len(acts):
            self._await_time_of(self._events[start])
            now_ms = time.time_ns() // 1_000_000
            end = start + 1
            last = min(len(acts), start + BATCH_ACTS)
            while end < last and self._due(self._events[end]) <= now_ms:
                end += 1
            self._report(acts[start:end])
            start = end

    def _register(self, player: Player, password: str) -> float | None:
        """The Scheduler's step: None if the player exists, else when to try again."""
        if self._registration_allowed_at > time.monotonic():
            return self._registration_allowed_at
        body = {"username": player.username, "password": password, "displayName": player.name}
        reply = self._api.post("/auth/register", body)
        self.tally.add_reply(player.name, reply)
        # The username ends with the run, so it was taken by this run.
        if reply.status == _CREATED or reply.code == "USERNAME_TAKEN":
            self.tally.player_registered()
            return None
        if reply.status != TOO_MANY_REQUESTS and not reply.uncertain:
            raise ReplayFailed(f"{player.name}: the server refused the registration: {reply}")
        due = time.monotonic() + player.retry_policy.delay_after(reply)
        if reply.status == TOO_MANY_REQUESTS:
            self._registration_allowed_at = due
        return due

    def _act(self, row: int, event: Event) -> dict[str, Any]:
        return {
            "id": self.run.act_id(self._board, row, self._due(event)),
            "username": self._usernames[event.player],
            "board": self._board,
            "points": event.points,
        }

    def _due(self, event: Event) -> int:
        """When to report the event, in ms since 1970."""
        if self._speed == 0:
            return self.run.began_at_ms
        seconds = (event.at - self._events[0].at) / self._speed
        return self.run.began_at_ms + round(seconds * 1000)

    def _await_time_of(self, event: Event) -> None:
        wait_ms = self._due(event) - time.time_ns() // 1_000_000
        if wait_ms > 0:
            time.sleep(wait_ms / 1000)

    def _report(self, acts: Sequence[dict[str, Any]]) -> None:
        """Send the acts until they are answered; sending them again counts nothing twice."""
        retry_policy = RetryPolicy(f"Reporting to {self._board}")
        while (reply := self._post(acts)).status != _OK:
            time.sleep(retry_policy.delay_after(reply))
        for act, result in zip(acts, reply.body["results"], strict=True):
            if result["status"] not in _DONE:
                what = f"{act['username']} with {act['points']} points"
                raise ReplayFailed(f"{what}: the server replied {result['status']}")
            self.tally.act_counted(act["points"], repeated=result["status"] == "repeated")

    def _post(self, acts: Sequence[dict[str, Any]]) -> Reply:
        reply = self._api.post("/service/scores", {"scores": acts}, self._key)
        self.tally.add_reply(self._board, reply)
        return reply
