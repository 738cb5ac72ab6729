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
from typing import Self

from clients.python.live_scoreboard_client import Act, Scoreboard, ScoresUnanswered, Service
from tools.replayer.files import Event
from tools.replayer.player import Player
from tools.replayer.registrations import Registrations
from tools.replayer.retry_policy import ReplayFailed, describe
from tools.replayer.tally import Tally

REPORTED_ACTS = 500
"""The most in one report, so that the progress is shown."""
RETRY_SECONDS = 120.0
"""How long a report without an answer is repeated."""
_DIGITS = string.digits + string.ascii_lowercase
_TIME_DIGITS, _RANDOM_DIGITS = 8, 4
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
        site: Scoreboard,
        service: Service,
        players: Sequence[Player],
        events: Sequence[Event],
        board: str,
        run: Run,
        speed: float,
    ) -> None:
        self.tally = Tally()
        self.run = run
        self._service = service
        # Not used again: the players of this replay never log in.
        password = secrets.token_urlsafe()
        self._registrations = Registrations(site, players, password, self.tally, continues=True)
        self._events = events
        self._board = board
        self._speed = speed
        self._usernames = {player.name: player.username for player in players}

    def register(self, concurrency: int) -> None:
        """Register every player, unless an earlier replay of the run did; raises ReplayFailed."""
        self._registrations.run(concurrency)

    def play(self) -> None:
        """Report every event; raises ReplayFailed. One request at a time, to keep the order."""
        acts = [self._act(row, event) for row, event in enumerate(self._events)]
        start = 0
        while start < len(acts):
            self._await_time_of(self._events[start])
            now_ms = time.time_ns() // 1_000_000
            end = start + 1
            last = min(len(acts), start + REPORTED_ACTS)
            while end < last and self._due(self._events[end]) <= now_ms:
                end += 1
            self._report(acts[start:end])
            start = end

    def _act(self, row: int, event: Event) -> Act:
        return Act(
            self._board,
            event.points,
            username=self._usernames[event.player],
            id=self.run.act_id(self._board, row, self._due(event)),
        )

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

    def _report(self, acts: Sequence[Act]) -> None:
        try:
            results = self._service.score(acts)
        except ScoresUnanswered as error:
            raise ReplayFailed(
                f"Reporting to {self._board}: the server replied {describe(error.cause)}"
            ) from error
        for act, result in zip(acts, results, strict=True):
            if result["status"] not in _DONE:
                what = f"{act.username} with {act.points} points"
                raise ReplayFailed(f"{what}: the server replied {result['status']}")
            self.tally.act_counted(act.points, repeated=result["status"] == "repeated")
