"""Players that score all the time, and the number of points acknowledged to each."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import requests

from tests.support.system.player import Player

PAUSE_SECONDS = 0.05
FINAL = {"TOKEN_USED", "TOKEN_EXPIRED"}


class ScoringPlayers:
    """A thread per player: asks for a token, spends it, and repeats each call until it is final."""

    def __init__(self, players: Sequence[Player]) -> None:
        self.acknowledged: Counter[str] = Counter()
        """Acknowledged points by user id."""
        self.unexpected: list[str] = []
        """Answers that are neither a success nor a request to retry."""
        self.refused = 0
        self.slowest = 0.0
        """Duration of the longest call, in seconds."""
        self._last_scored_at = dict.fromkeys((player.user_id for player in players), 0.0)
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._play, args=(each,)) for each in players]

    def all_scored_since(self, moment: float) -> bool:
        """Whether each player has a point on the board that was requested after that time."""
        return all(begun > moment for begun in self._last_scored_at.values())

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _play(self, player: Player) -> None:
        while not self._stopped.wait(PAUSE_SECONDS):
            begun = time.monotonic()
            given = self._until_final(lambda: player.call("POST", "/actions/token"))
            token = given.json().get("actionToken", "")
            spent = self._until_final(lambda token=token: player.spend(token))  # type: ignore[misc]
            if spent.ok or spent.json()["code"] == "TOKEN_USED":
                self.acknowledged[player.user_id] += 1
            # Without the board's master a point counts, but is in no version of the board.
            if spent.ok and spent.json()["boardVersion"] is not None:
                self._last_scored_at[player.user_id] = begun

    def _until_final(self, call: Callable[[], requests.Response]) -> requests.Response:
        while True:
            begun = time.monotonic()
            reply = call()
            self.slowest = max(self.slowest, time.monotonic() - begun)
            if reply.status_code != 503:
                if not reply.ok and reply.json()["code"] not in FINAL:
                    self.unexpected.append(reply.text)
                return reply
            self.refused += 1
            time.sleep(PAUSE_SECONDS)
