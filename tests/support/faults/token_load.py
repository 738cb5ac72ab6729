"""A steady load of increments: players that repeat each token until its answer is final."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import requests

from tests.support.system.player import Player

COUNTED = "200"
FINAL = {COUNTED, "TOKEN_USED", "TOKEN_EXPIRED"}
REPEATABLE = {"DB_ERROR", "REDIS_UNAVAILABLE"}
"""Codes that the contract allows while PostgreSQL or Redis is down."""
UNANSWERED = "no answer"
REPEAT_SECONDS = 0.1
SETTLE_SECONDS = 20.0


@dataclass
class Spend:
    """A token and all answers to it."""

    player: Player
    token: str
    answers: list[str] = field(default_factory=list)
    score: int | None = None
    """The newScore of the final answer, if there is one."""

    @property
    def final(self) -> str | None:
        """The final answer; None until there is one."""
        return self.answers[-1] if self.answers and self.answers[-1] in FINAL else None

    @property
    def counted(self) -> bool:
        return self.final in {COUNTED, "TOKEN_USED"}

    def ask(self, url: str) -> str:
        """Spend the token once at that API; returns the code of the answer."""
        self.player.url = url
        try:
            body = {"actionToken": self.token}
            reply = self.player.call("POST", "/scores/increment", json=body)
        except requests.RequestException:
            self.answers.append(UNANSWERED)
            return UNANSWERED
        answer = reply.json()
        code = COUNTED if reply.ok else str(answer["code"])
        outcome = answer if reply.ok else answer.get("details", {})
        self.score = outcome.get("newScore")
        self.answers.append(code)
        return code


class TokenLoad:
    """Players in threads of their own, each asking for tokens and spending them at all the APIs.

    A player repeats the same token, at any API, until it gets a final answer.
    """

    def __init__(
        self, urls: Sequence[str], *, players: int, pause: float, board: str = "main"
    ) -> None:
        self._urls = urls
        self._board = board
        self._pause = pause
        self._stopping = threading.Event()
        self._given_up = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.players = [Player.register(urls[n % len(urls)]) for n in range(players)]
        self.spends: list[Spend] = []
        self.answers: Counter[str] = Counter()
        """The number of each answer, to token requests and to increments."""
        self.counted_at = 0.0
        """When an increment was last acknowledged, by time.monotonic()."""

    @property
    def unexpected(self) -> set[str]:
        """Answers that are wrong also during a fault."""
        return set(self.answers) - FINAL - REPEATABLE - {UNANSWERED}

    def start(self) -> None:
        """Start all players."""
        self._threads = [
            threading.Thread(target=self._play, args=[player], daemon=True)
            for player in self.players
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask for no new tokens, and wait for final answers, for up to SETTLE_SECONDS."""
        self._stopping.set()
        limit = time.monotonic() + SETTLE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, limit - time.monotonic()))
        self._given_up.set()
        for thread in self._threads:
            thread.join()
        for player in self.players:
            # gunicorn stops sooner without open keep-alive connections.
            player.http.close()

    def settle(self, spend: Spend) -> None:
        """Repeat the token until its answer is final."""
        self.spends.append(spend)
        while not self._given_up.is_set():
            self._count_answer(spend.ask(self._some_url()))
            if spend.final:
                return
            time.sleep(REPEAT_SECONDS)

    def _play(self, player: Player) -> None:
        while not self._stopping.wait(self._pause * random.uniform(0.5, 1.5)):
            token = self._ask_token(player)
            if token is not None:
                self.settle(Spend(player, token))

    def _ask_token(self, player: Player) -> str | None:
        player.url = self._some_url()
        try:
            reply = player.call("POST", "/actions/token", json={"board": self._board})
        except requests.RequestException:
            self._count_answer(UNANSWERED)
            return None
        answer = reply.json()
        if not reply.ok:
            self._count_answer(str(answer["code"]))
            return None
        token: str = answer["actionToken"]
        return token

    def _some_url(self) -> str:
        return random.choice(self._urls)

    def _count_answer(self, answer: str) -> None:
        with self._lock:
            self.answers[answer] += 1
            if answer == COUNTED:
                self.counted_at = time.monotonic()
