"""gunicorn's threaded worker with request reading, pools, balancing and shutdown of our own.

Threads never wait for a client, requests are answered in the pool of their route, and SIGTERM loses
no request. docs/decisions/0010-shutdown.md says what gunicorn does without it.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from mmap import mmap
from typing import Any

import structlog

from app.server.connections.balancer import ConnectionBalancer, WorkerSlot
from app.server.connections.buffer import limit_sending
from app.server.connections.lingering_close import LingeringClose
from app.server.gunicorn_internals import TConn, ThreadWorker
from app.server.request_pools import WAITING_PASSWORDS, RequestPools
from app.server.request_reader import REQUEST_SECONDS, RequestReader
from app.server.route_table import RouteTable
from app.server.scoring_batches import Answered, ScoringBatches

CHECK_SECONDS = 1.0
"""How often deadlines of connections are checked."""

HELD_BACK = {signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1}
"""Signals that the arbiter blocks while it forks, and the worker unblocks when it handles them."""

log = structlog.stdlib.get_logger(__name__)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Serves until SIGTERM, then shuts down in the order of flow 10.

    The arbiter imports this module once and forks, so code of `app` that may be newer at a worker's
    start is imported inside the methods.
    """

    slot: WorkerSlot | None = None
    """Set by the arbiter before it forks."""
    cpu: int | None = None
    """The CPU to pin the worker to, set by the arbiter before it forks; None for all."""
    wsgi: Any

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # With fewer, gunicorn closes the newest connection after its reply. The limiter closes the
        # one that has been idle for longest.
        self.max_keepalived = self.worker_connections
        # Shared with the arbiter, which makes the worker and then forks.
        self._ready = mmap(-1, 1)
        self._checked_at = 0.0

    @property
    def ready(self) -> bool:
        """Whether the worker serves requests; for the arbiter."""
        return self._ready[0] == 1

    def init_process(self) -> None:
        from app.concurrency.cpu_affinity import pin_thread

        # Before any thread is started: a thread inherits its CPUs from the one that starts it.
        if self.cpu is not None:
            pin_thread(self.cpu)
        super().init_process()

    def load_wsgi(self) -> None:
        """Import the app, and make the collaborators, some of which depend on its routes."""
        super().load_wsgi()
        from app.concurrency import batching
        from app.http.body import declared_body_limits
        from app.http.request_pool import declared_pools
        from app.server.connections.limiter import ConnectionLimiter
        from app.server.malformed_requests import answer_malformed_in_json

        answer_malformed_in_json()
        app = self.wsgi
        services = app.extensions["services"]
        services.passwords.allow_waiting(WAITING_PASSWORDS)
        self._settings = services.settings
        self._serving = app.extensions["serving_process"]
        self.wsgi = partial(self._call_app, app)
        self._balancer = ConnectionBalancer(self.slot)
        self._closing = LingeringClose(self)
        self._routes = RouteTable[str](declared_pools(app))
        self._batches = ScoringBatches(
            batching.run_batch,
            batching.MAX_BATCH_SIZE,
            batching.BATCH_THREADS,
            answer=self.handle,
            has_next=self._has_next_scoring,
            finish=partial(self.method_queue.defer, self._finish_batch),
            on_failure=self._exit_after_failed_batch,
        )
        self._pools = RequestPools(self, self._routes, self._batches)
        body_limits = RouteTable(declared_body_limits(app))
        self._reader = RequestReader(self, self._closing, self._pools.answer, body_limits)
        self._limiter = ConnectionLimiter(self, self._reader, self._closing)

    def run(self) -> None:
        """Start the background threads, serve, and stop everything in order."""
        # The arbiter waits longer than this, because closing after the requests takes time too.
        self.cfg.set("graceful_timeout", self._settings.shutdown_seconds)
        self._serving.start()
        self._ready[0] = 1
        super().run()
        given_up = self.nr_conns
        log.info("requests_finished", given_up=given_up)
        self._serving.stop()
        logging.shutdown()
        if given_up:
            # Python's own exit would wait for their threads.
            os._exit(0)

    def init_signals(self) -> None:
        super().init_signals()
        # Ctrl-C reaches the whole process group; the arbiter decides what follows.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)

    def is_parent_alive(self) -> bool:
        # A worker without its arbiter shuts down as after SIGTERM, because the port must be freed.
        if not super().is_parent_alive():
            self.alive = False
        return bool(self.alive)

    # Connections and requests.

    def accept(self, listener: Any) -> None:
        if self.alive:
            self._balancer.give_way(self.nr_conns)
        try:
            super().accept(listener)
        except OSError as error:
            self._limiter.pause(error)
            super().set_accept_enabled(False)
        if self.alive:
            self._balancer.publish(self.nr_conns)

    def enqueue_req(self, conn: TConn) -> None:
        self._reader.read_next(conn)

    def handle(self, conn: TConn) -> Any:
        # If gunicorn reads a request differently than RequestFraming, it wants more bytes.
        return super().handle(conn) and not conn.parser.unreader.exhausted

    def handle_request(self, req: Any, conn: TConn) -> Any:
        if conn.parser.unreader.rejected:
            req.force_close()
        return super().handle_request(req, conn)

    def _call_app(self, app: Any, environ: Any, start_response: Any) -> Any:
        body = app(environ, start_response)
        if not self.alive:
            # gunicorn checks this before it calls the app. SIGTERM may have come since then, and
            # the client must not send its next request on this connection.
            start_response.__self__.force_close()
        return body

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        if fs.cancelled() or fs.exception() or not fs.result():
            self._closing.start(conn)
        elif self.alive and self._reader.has_received_more(conn):
            # A busy client has already sent its next request. This saves two calls to the poller.
            self._reader.read_next(conn)
        else:
            super().finish_request(conn, fs)

    def _has_next_scoring(self, conn: TConn) -> bool:
        return (
            bool(self.alive)
            and self._reader.has_complete_request(conn)
            and self._routes.find(conn.parser.unreader.received) == "scoring"
        )

    def _finish_batch(self, answered: Sequence[Answered]) -> None:
        for conn, future in answered:
            self.finish_request(conn, future)

    def _exit_after_failed_batch(self, failure: BaseException) -> None:
        # The requests of the batch are never answered, and its thread still counts as busy: after
        # BATCH_THREADS failures the worker could not score at all. The arbiter starts another
        # worker at once, and clients repeat their requests.
        self.log.critical("A scoring batch failed, and its worker exits", exc_info=failure)
        os._exit(1)

    # The event loop.

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        if self.alive:
            self._balancer.publish(self.nr_conns)
        timeout = self._limiter.limit_wait(self._batches.limit_wait(timeout))
        self._batches.start_collecting()
        try:
            super().wait_for_and_dispatch_events(timeout)
        finally:
            self._batches.collect()

    def murder_pending(self) -> None:
        self._limiter.make_room()
        now = time.monotonic()
        if now >= self._checked_at + CHECK_SECONDS:
            self._checked_at = now
            self._reader.check_deadlines(now)
            self._closing.close_expired(now)

    def murder_keepalived(self, force: bool = False) -> None:
        expired = self.keepalived_conns and self.keepalived_conns[0].timeout <= time.monotonic()
        if expired and not force:
            # A request may have come since the last turn, and closing would reset it.
            self.wait_for_and_dispatch_events(0)
        super().murder_keepalived(force)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        self._reader.limit_idle(deadline)

    def set_accept_enabled(self, enabled: bool) -> None:
        if enabled and self._limiter.paused:
            return
        if enabled:
            for listener in self.sockets:
                limit_sending(listener, REQUEST_SECONDS)
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            self._balancer.retire()
            self._stop_listening()

    def _stop_listening(self) -> None:
        log.info("shutting_down")
        for listener in self.sockets:
            # The close would reset connections that the kernel has already completed. Later ones
            # are refused, or accepted by another worker.
            self._accept_waiting(listener)
            listener.close()
        log.info("stopped_accepting", connections=self.nr_conns)

    def _accept_waiting(self, listener: Any) -> None:
        for _ in range(self.cfg.backlog):
            before = self.nr_conns
            self.accept(listener)
            if self.nr_conns == before:
                return
