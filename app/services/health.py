"""Health of what the system stands on (flow 9): each check in parallel, bounded to a second."""

from __future__ import annotations

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
from app.stores.database import Database

CHECK_SECONDS = 1.0

CheckResult = Literal["ok", "timeout", "error"]


@dataclass(frozen=True)
class HealthReport:
    """What the checks found."""

    redis: CheckResult
    database: CheckResult
    uptime_seconds: int

    @property
    def healthy(self) -> bool:
        return self.redis == "ok" and self.database == "ok"

    def as_json(self) -> dict[str, Any]:
        return {
            "status": "healthy" if self.healthy else "unhealthy",
            "redis": self.redis,
            "database": self.database,
            "uptime": self.uptime_seconds,
            "timestamp": timestamp(int(time.time() * 1000)),
        }


class Health:
    """Asks PostgreSQL and Redis on connections of its own, so that a busy pool doesn't count."""

    def __init__(self, database: Database, client: redis.Redis) -> None:
        self._database = database
        self._client = client
        self._started = time.monotonic()
        self._checks = ThreadPoolExecutor(max_workers=8, thread_name_prefix="health")

    def check(self) -> HealthReport:
        """Both checks at once; never longer than CHECK_SECONDS."""
        limit = time.monotonic() + CHECK_SECONDS
        asked_redis = self._checks.submit(_timed(self._ask_redis))
        asked_database = self._checks.submit(_timed(self._ask_database))
        return HealthReport(
            redis=_result(asked_redis, limit),
            database=_result(asked_database, limit),
            uptime_seconds=int(time.monotonic() - self._started),
        )

    def close(self) -> None:
        """End the threads of the checks."""
        self._checks.shutdown(wait=False, cancel_futures=True)

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


def _timed(ask: Callable[[], CheckResult]) -> Callable[[], CheckResult]:
    def asked() -> CheckResult:
        begun = time.monotonic()
        result = ask()
        # A driver may say "error" for what was its own time limit.
        slow = time.monotonic() - begun >= CHECK_SECONDS * 0.9
        return "timeout" if result == "error" and slow else result

    return asked


def _result(asked: Future[CheckResult], limit: float) -> CheckResult:
    try:
        return asked.result(max(0.0, limit - time.monotonic()))
    except CheckTimeout:
        return "timeout"
