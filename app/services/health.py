"""Health of what the system stands on (flow 9): each check in parallel, bounded to a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as CheckTimeout
from dataclasses import dataclass
from typing import Any, Literal

import redis
from sqlalchemy import text

from app.contract.errors import DatabaseUnavailable
from app.contract.standings import timestamp
from app.stores import wal
from app.stores.database import Database

CHECK_SECONDS = 1.0
KEEP_SECONDS = 0.5
"""How long a bad answer is told again, so that those who queue behind it need not wait for it."""

CheckResult = Literal["ok", "timeout", "error"]


@dataclass(frozen=True)
class HealthReport:
    """What the checks found."""

    redis: CheckResult
    database: CheckResult
    uptime_seconds: int
    replica: CheckResult | None = None
    """None where none is read. The system is healthy without it: the primary is read instead."""

    @property
    def healthy(self) -> bool:
        return self.redis == "ok" and self.database == "ok"

    def as_json(self) -> dict[str, Any]:
        return {
            "status": "healthy" if self.healthy else "unhealthy",
            "redis": self.redis,
            "database": self.database,
            **({"replica": self.replica} if self.replica else {}),
            "uptime": self.uptime_seconds,
            "timestamp": timestamp(int(time.time() * 1000)),
        }


class Check:
    """One question to one server, asked by one thread at a time.

    Who comes meanwhile shares the answer, and a bad one is kept for KEEP_SECONDS. So however many
    ask, a server that hangs costs one thread and one connection, and nobody queues for it.
    """

    def __init__(self, name: str, ask: Callable[[], CheckResult]) -> None:
        self._ask = ask
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"health-{name}")
        self._lock = threading.Lock()
        self._asked: Future[CheckResult] | None = None
        self._bad: tuple[float, CheckResult] = (-KEEP_SECONDS, "error")

    def start(self) -> Future[CheckResult] | None:
        """The answer to come; None where a bad one is still fresh."""
        with self._lock:
            if self._asked is None or self._asked.done():
                if time.monotonic() < self._bad[0] + KEEP_SECONDS:
                    return None
                self._asked = self._thread.submit(self._timed)
            return self._asked

    def result(self, asked: Future[CheckResult] | None, limit: float) -> CheckResult:
        """What came of it until `limit`, in monotonic seconds."""
        if asked is None:
            return self._bad[1]
        try:
            return asked.result(max(0.0, limit - time.monotonic()))
        except CheckTimeout:
            return "timeout"

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _timed(self) -> CheckResult:
        begun = time.monotonic()
        result = self._ask()
        if result != "ok":
            # A driver may say "error" for what was its own time limit.
            slow = time.monotonic() - begun >= CHECK_SECONDS * 0.9
            result = "timeout" if slow else result
            self._bad = time.monotonic(), result
        return result


class Health:
    """Asks PostgreSQL and Redis on connections of its own, so that a busy pool doesn't count."""

    def __init__(
        self, database: Database, client: redis.Redis, replica: Database | None = None
    ) -> None:
        self._database = database
        self._client = client
        self._started = time.monotonic()
        self._redis_check = Check("redis", self._ask_redis)
        self._database_check = Check("database", self._ask_database)
        self._replica = replica
        self._replica_check = Check("replica", self._ask_replica) if replica else None

    def check(self) -> HealthReport:
        """All checks at once; never longer than CHECK_SECONDS."""
        limit = time.monotonic() + CHECK_SECONDS
        redis_asked, database_asked = self._redis_check.start(), self._database_check.start()
        replica_asked = self._replica_check.start() if self._replica_check else None
        return HealthReport(
            redis=self._redis_check.result(redis_asked, limit),
            database=self._database_check.result(database_asked, limit),
            uptime_seconds=self.uptime_seconds,
            replica=(
                self._replica_check.result(replica_asked, limit) if self._replica_check else None
            ),
        )

    @property
    def uptime_seconds(self) -> int:
        """How long this process has been at work."""
        return int(time.monotonic() - self._started)

    def close(self) -> None:
        """End the threads of the checks."""
        self._redis_check.close()
        self._database_check.close()
        if self._replica_check is not None:
            self._replica_check.close()

    def _ask_redis(self) -> CheckResult:
        try:
            self._client.ping()
        except redis.TimeoutError:
            return "timeout"
        except redis.RedisError:
            return "error"
        return "ok"

    def _ask_database(self) -> CheckResult:
        try:
            with self._database.reading() as connection:
                connection.execute(text("SELECT 1"))
        except DatabaseUnavailable:
            return "error"
        return "ok"

    def _ask_replica(self) -> CheckResult:
        assert self._replica is not None
        try:
            with self._replica.reading() as connection:
                # A promoted one answers too, but is no replica any more and is not read.
                return "ok" if wal.replayed(connection) is not None else "error"
        except DatabaseUnavailable:
            return "error"
