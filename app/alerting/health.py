"""Health of PostgreSQL and Redis (flow 9): parallel checks of at most one second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as CheckTimeout

import redis

from app.alerting.background_parts import BackgroundParts
from app.contract import keys
from app.contract.errors import DatabaseUnavailable
from app.contract.health import CheckResult, HealthReport
from app.storage import wal
from app.storage.database import Database
from app.storage.database_connections import DeadlineExceeded

CHECK_SECONDS = 1.0
DATABASE_SECONDS, SERVED_SECONDS = 0.8, 0.2
"""How long to wait for PostgreSQL's answer, and then for a request that shows that it works."""
PROBE_TTL_MS = 1000
FAILURE_TTL_SECONDS = 0.5
"""A failed result is reused for this long, so that callers do not queue for the next check."""


class Check:
    """A health check of one server, run by one thread at a time.

    Concurrent callers share the result. So a server that hangs costs one thread and one
    connection, however many callers ask.
    """

    def __init__(self, name: str, run: Callable[[], CheckResult]) -> None:
        self._run = run
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"health-{name}")
        self._lock = threading.Lock()
        self._running: Future[CheckResult] | None = None
        self._failed_at = -FAILURE_TTL_SECONDS
        self._failure: CheckResult = "error"

    def start(self) -> Future[CheckResult] | None:
        """The running check; None if a recent failure is reused instead."""
        with self._lock:
            if self._running is None or self._running.done():
                if time.monotonic() < self._failed_at + FAILURE_TTL_SECONDS:
                    return None
                self._running = self._thread.submit(self._timed_run)
            return self._running

    def result(self, running: Future[CheckResult] | None, deadline: float) -> CheckResult:
        """The result of what start() returned; waits until `deadline` in monotonic seconds."""
        if running is None:
            return self._failure
        try:
            return running.result(max(0.0, deadline - time.monotonic()))
        except CheckTimeout:
            return "timeout"

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _timed_run(self) -> CheckResult:
        started = time.monotonic()
        result = self._run()
        if result != "ok":
            # A driver may report its own timeout as an error.
            slow = time.monotonic() - started >= CHECK_SECONDS * 0.9
            result = "timeout" if slow else result
            self._failed_at, self._failure = time.monotonic(), result
        return result


class Health:
    """Checks whether PostgreSQL and Redis do what the requests of this process need."""

    def __init__(
        self,
        database: Database,
        client: redis.Redis,
        parts: BackgroundParts,
        replica: Database | None = None,
        *,
        needs_writes: bool,
    ) -> None:
        """`database` is the pool of the requests; an additional connection may be refused."""
        self._database = database
        self._needs_writes = needs_writes
        self._parts = parts
        self._client = client
        self._started_at = time.monotonic()
        self._redis_check = Check("redis", self._check_redis)
        self._database_check = Check("database", self._check_database)
        self._replica = replica
        self._replica_check = Check("replica", self._check_replica) if replica else None

    def check(self) -> HealthReport:
        """Run all checks in parallel, for at most CHECK_SECONDS."""
        deadline = time.monotonic() + CHECK_SECONDS
        redis_running, database_running = self._redis_check.start(), self._database_check.start()
        replica_running = self._replica_check.start() if self._replica_check else None
        return HealthReport(
            redis=self._redis_check.result(redis_running, deadline),
            database=self._database_check.result(database_running, deadline),
            uptime_seconds=self.uptime_seconds,
            replica=(
                self._replica_check.result(replica_running, deadline)
                if self._replica_check
                else None
            ),
            background="error" if self._parts.dead() else "ok",
        )

    @property
    def uptime_seconds(self) -> int:
        """Time since this process built its services."""
        return int(time.monotonic() - self._started_at)

    def close(self) -> None:
        """End the threads of the checks."""
        self._redis_check.close()
        self._database_check.close()
        if self._replica_check is not None:
            self._replica_check.close()

    def _check_redis(self) -> CheckResult:
        try:
            # Asks every master of a cluster.
            self._client.ping()
            if self._needs_writes:
                # Refused with READONLY, OOM, MISCONF or NOREPLICAS, as the writes of requests are.
                self._client.set(keys.HEALTH, "1", px=PROBE_TTL_MS)
        except redis.TimeoutError:
            return "timeout"
        except redis.RedisError:
            return "error"
        return "ok"

    def _check_database(self) -> CheckResult:
        begun = time.monotonic()
        try:
            self._database.check(writable=self._needs_writes, max_seconds=DATABASE_SECONDS)
        except DatabaseUnavailable as failure:
            # PostgreSQL may refuse only an additional connection, while requests have theirs.
            if self._needs_writes and self._database.await_write(begun, SERVED_SECONDS):
                return "ok"
            return "timeout" if isinstance(failure.__cause__, DeadlineExceeded) else "error"
        return "ok"

    def _check_replica(self) -> CheckResult:
        assert self._replica is not None
        try:
            with self._replica.reading() as connection:
                # A replica that was promoted answers too, but it is no longer read.
                return "ok" if wal.replayed_position(connection) is not None else "error"
        except DatabaseUnavailable:
            return "error"
