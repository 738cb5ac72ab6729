"""A load of service scores: overlapping batches of several threads, repeated until answered."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import requests

from tests.app.scoring.service_acts import act_id
from tests.faults.load import UNANSWERED

BOARD = "quiz"
SENDERS, BATCH_SIZE = 4, 40
TIMES_SENT = 3
"""Each batch is sent so often after its first answer, to all APIs in turn."""
REPEAT_SECONDS = 0.1


class BatchLoad:
    """Senders that report the same acts in different order, each batch until it is answered."""

    def __init__(self, urls: Sequence[str], key: str, user_ids: Sequence[str]) -> None:
        self._urls = urls
        self._headers = {"Authorization": f"Bearer {key}"}
        self._user_ids = user_ids
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send_batches) for _ in range(SENDERS)]
        self._recent: list[dict[str, Any]] = []
        self.acts: dict[str, dict[str, Any]] = {}
        """Every act of a batch that was answered, by id."""
        self.statuses: Counter[str] = Counter()
        self.unanswered: Counter[str] = Counter()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Sends during the block; at its end every batch has been answered."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            for thread in self._threads:
                thread.join()

    def ask(self, url: str, acts: Sequence[dict[str, Any]]) -> list[dict[str, Any]] | None:
        """The answers to one call; None if there is no reply of 200."""
        try:
            reply = requests.post(
                f"{url}/api/service/scores",
                json={"scores": list(acts)},
                headers=self._headers,
                timeout=10,
            )
        except requests.RequestException:
            self.unanswered[UNANSWERED] += 1
            return None
        if not reply.ok:
            self.unanswered[reply.json()["code"]] += 1
            return None
        results: list[dict[str, Any]] = reply.json()["results"]
        return results

    def _send_batches(self) -> None:
        while not self._stopping.is_set():
            batch = self._next_batch()
            for turn in range(TIMES_SENT):
                random.shuffle(batch)
                while (results := self.ask(random.choice(self._urls), batch)) is None:
                    threading.Event().wait(REPEAT_SECONDS)
                with self._lock:
                    self.statuses.update(result["status"] for result in results)
                    if turn == 0:
                        self.acts |= {act["id"]: act for act in batch}

    def _next_batch(self) -> list[dict[str, Any]]:
        """New acts, and as many of other batches."""
        with self._lock:
            fresh = [
                {
                    "id": act_id(),
                    "userId": random.choice(self._user_ids),
                    "board": BOARD,
                    "points": random.randint(0, 9),
                }
                for _ in range(BATCH_SIZE // 2)
            ]
            others = random.sample(self._recent, min(len(self._recent), BATCH_SIZE // 2))
            self._recent = [*self._recent[-4 * BATCH_SIZE :], *fresh]
        return fresh + others
