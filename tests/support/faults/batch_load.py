"""A load of service scores: overlapping batches of several threads, repeated until answered."""

from __future__ import annotations

import random
import secrets
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import requests

from app.audit.audited_change import Initiator
from app.boards.board import Board, BoardSettings
from app.contract.standings import TOP, BoardPeriod, PeriodKind
from app.leaderboard.rankings import ranking_of
from tests.support.faults.harness import RETURN_SECONDS, FaultHarness
from tests.support.faults.token_load import UNANSWERED
from tests.support.rank_index import ranking_index_equals_database
from tests.support.service_acts import act_id, zone_at_noon
from tests.support.services import Services, services_in
from tests.support.waiting import await_true

SENDERS, BATCH_SIZE = 4, 40
TIMES_SENT = 3
"""Each batch is answered this many times, each time by any of the APIs."""
REPEAT_SECONDS = 0.1

OPERATOR = Initiator("operator:test", "a test")


class BatchLoad:
    """Senders that report the same acts in different order, each batch until it is answered."""

    def __init__(
        self,
        urls: Sequence[str],
        key: str,
        board: str,
        user_ids: Sequence[str],
        pause_seconds: float = 0.0,
    ) -> None:
        self._urls = urls
        self._board = board
        self._pause_seconds = pause_seconds
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
                self._stopping.wait(self._pause_seconds)
                with self._lock:
                    self.statuses.update(result["status"] for result in results)
                    if turn == 0:
                        self.acts |= {act["id"]: act for act in batch}

    def new_batch(self) -> list[dict[str, Any]]:
        """Acts that were never sent."""
        return [
            {
                "id": act_id(),
                "userId": random.choice(self._user_ids),
                "board": self._board,
                "points": random.randint(0, 9),
            }
            for _ in range(BATCH_SIZE // 2)
        ]

    def _next_batch(self) -> list[dict[str, Any]]:
        """New acts, and as many of other batches."""
        fresh = self.new_batch()
        with self._lock:
            others = random.sample(self._recent, min(len(self._recent), BATCH_SIZE // 2))
            self._recent = [*self._recent[-4 * BATCH_SIZE :], *fresh]
        return fresh + others


@dataclass(frozen=True)
class ServiceBoard:
    """A board of a running system on which a load of batches scores."""

    services: Services
    """On the stores of the system."""
    board: Board
    load: BatchLoad
    url: str

    def check_counted_once(self) -> None:
        """Fail the test unless each answered act counts once, in PostgreSQL and in Redis.

        Call it after the load has ended.
        """
        assert set(self.load.statuses) == {"counted", "repeated"}
        acts = list(self.load.acts.values())
        for start in range(0, len(acts), BATCH_SIZE):
            results = self.load.ask(self.url, acts[start : start + BATCH_SIZE])
            assert results is not None
            assert {result["status"] for result in results} == {"repeated"}
        expected: Counter[str] = Counter()
        for act in acts:
            expected[act["userId"]] += act["points"]
        for kind in self.board.settings.periods:
            period = self.services.standings.period(self.board, kind, None)
            rows = self.services.standings.export(self.board, period)
            shown = {row.user_id: row.score for row in rows}
            assert shown == {user: points for user, points in expected.items() if points}
        await_true(self.is_indexed_as_counted, RETURN_SECONDS)

    def version(self, kind: PeriodKind) -> int:
        """The version of the board in the present period."""
        return self.services.rankings.top(BoardPeriod(self.board.settings.key, kind)).version.number

    def is_indexed_as_counted(self) -> bool:
        """Whether the index of each ranking equals PostgreSQL, and the cached top ten too."""
        for kind in self.board.settings.periods:
            period = self.services.standings.period(self.board, kind, None)
            cached = self.services.rankings.top(BoardPeriod(self.board.settings.key, kind)).rows
            rows = self.services.standings.export(self.board, period)
            if list(cached) != list(islice(rows, TOP)):
                return False
            if not ranking_index_equals_database(self.services, ranking_of(self.board, period)):
                return False
        return True


@contextmanager
def service_board(harness: FaultHarness, pause_seconds: float = 0.0) -> Iterator[ServiceBoard]:
    """A board with a service key, for the players of the system; its load does not run yet."""
    with services_in(harness.system.environment()) as services:
        settings = BoardSettings(
            f"quiz-{secrets.token_hex(4)}",
            "Quiz",
            max_points=9,
            min_points=0,
            periods=("all", "day"),
            time_zone=zone_at_noon(),
        )
        board = services.boards.create(OPERATOR, settings)
        key = services.service_keys.create(OPERATOR, "judge", [settings.key], None)
        user_ids = [player.user_id for player in harness.load.players]
        load = BatchLoad(harness.system.urls, key.text, settings.key, user_ids, pause_seconds)
        yield ServiceBoard(services, board, load, harness.system.url)
