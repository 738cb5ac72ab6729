"""The pools of threads that answer a worker's requests.

Health checks have threads of their own: if PostgreSQL does not answer, every ordinary thread may be
waiting for it when a load balancer needs an answer (docs/decisions/0009-alerts-and-health.md).
Requests that hash a password have threads of their own too: most of them wait for their turn.
Action tokens and increments are answered in batches.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from app.server.gunicorn_internals import TConn, ThreadWorker
from app.server.route_table import RouteTable
from app.server.scoring_batches import ScoringBatches

HEALTH_THREADS = 2
"""Simultaneous checks share one result, so few threads serve many."""
WAITING_PASSWORDS = 8
"""Requests of a worker that may wait for their turn to hash a password: about 2 s of hashing."""
PASSWORD_THREADS = WAITING_PASSWORDS + 3
"""One hashes, and two refuse the requests beyond these."""


class RequestPools:
    """Has each request of a worker answered in the pool of its route."""

    def __init__(
        self, worker: ThreadWorker, routes: RouteTable[str], scoring: ScoringBatches
    ) -> None:
        self._worker = worker
        self._routes = routes
        self._scoring = scoring
        self._health = ThreadPoolExecutor(HEALTH_THREADS, thread_name_prefix="health")
        self._passwords = ThreadPoolExecutor(PASSWORD_THREADS, thread_name_prefix="passwords")

    def answer(self, conn: TConn) -> None:
        """Have the connection's complete request answered; called by the event loop."""
        match self._routes.find(conn.parser.unreader.received):
            case "scoring":
                self._scoring.add(conn)
            case "health":
                self._submit(self._health, conn)
            case "passwords":
                self._submit(self._passwords, conn)
            case _:
                self._submit(self._worker.tpool, conn)

    def _submit(self, pool: ThreadPoolExecutor, conn: TConn) -> None:
        worker = self._worker
        pool.submit(worker.handle, conn).add_done_callback(
            lambda done: worker.method_queue.defer(worker.finish_request, conn, done)
        )
