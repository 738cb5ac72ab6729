"""gunicorn's arbiter with safe reloads, and with an announcement of its shutdown (flow 10)."""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from contextlib import suppress

from app.server.connections.balancer import ConnectionCounts
from app.server.gunicorn_internals import Arbiter, HaltServer
from app.server.worker import HELD_BACK, Worker
from config.settings import Settings

READY_SECONDS = 120.0
"""Time that the new workers of a reload have to become ready; after it the old ones stay."""
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
ANNOUNCEMENT_SECONDS = 2.0
"""How long the announcement may take; it runs while the workers shut down."""


class Server(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    """Announces the shutdown once. At a reload, ends the old workers only when new ones serve.

    A reload (SIGHUP) is not a shutdown. gunicorn has no hook for either and no setting for the
    arbiter's class, so gunicorn.conf.py changes the class of the running arbiter to this one.
    """

    settings: Settings
    connection_counts: ConnectionCounts
    process_id: int
    _newest_before_reload: int | None = None
    _announcement: threading.Thread | None = None
    _announcement_deadline = 0.0

    @classmethod
    def become(cls, arbiter: Arbiter, settings: Settings) -> None:
        """Change the class of a running arbiter to this one."""
        arbiter.__class__ = cls
        arbiter.settings = settings
        arbiter.connection_counts = ConnectionCounts()
        arbiter.process_id = os.getpid()

    def handle_int(self) -> None:
        # gunicorn would cut off the requests in progress. Here only a second SIGINT does that.
        self.handle_term()

    def reload(self) -> None:
        """Replace the workers; if the new ones can't start, the old ones stay."""
        self._newest_before_reload = self.worker_age
        try:
            super().reload()
        except (HaltServer, SystemExit) as failure:
            if os.getpid() != self.process_id:
                raise  # This is a new worker, which was forked inside this call and exits.
            self._keep_old_workers(failure)
        finally:
            self._newest_before_reload = None

    def manage_workers(self) -> None:
        """Adjust the number of workers; at a reload, only when the new ones are ready."""
        if self._newest_before_reload is not None:
            self._await_new_workers()
        super().manage_workers()

    def _await_new_workers(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        # Another worker, chosen by -k on the command line, does not say when it is ready.
        while not all(getattr(worker, "ready", True) for worker in self._new_workers()):
            self.reap_workers()
            if self._has_stop_signal():
                raise StopIteration
            if time.monotonic() > deadline:
                raise HaltServer(f"New workers are not ready after {READY_SECONDS:.0f} s.")
            time.sleep(0.05)

    def _new_workers(self) -> list[Worker]:
        before = self._newest_before_reload or 0
        return [worker for worker in self.WORKERS.values() if worker.age > before]

    def _has_stop_signal(self) -> bool:
        waiting = []
        with suppress(queue.Empty):
            while True:
                waiting.append(self.SIG_QUEUE.get_nowait())
        for each in waiting:
            self.SIG_QUEUE.put_nowait(each)
        return not STOP_SIGNALS.isdisjoint(waiting)

    def _keep_old_workers(self, failure: BaseException) -> None:
        # If the new settings are invalid, gunicorn has already replaced some of them in app.cfg.
        self.app.cfg = self.cfg
        # Also restores PROMETHEUS_MULTIPROC_DIR in the environment.
        self.setup(self.app)
        while new := self._new_workers():
            for worker in new:
                self.kill_worker(worker.pid, signal.SIGKILL)
            with suppress(HaltServer):
                self.reap_workers()
            time.sleep(0.05)
        self.log.error("reload_failed, the old workers stay: %s", failure)

    def spawn_worker(self) -> int:
        """Fork a worker; it gets no signal before its handlers are installed.

        Until then it has the arbiter's handler, which would put the signal into the worker's copy
        of the arbiter's queue. The worker would be killed after the time for requests.
        """
        if not issubclass(self.worker_class, Worker):
            return int(super().spawn_worker())
        before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)
        try:
            return int(super().spawn_worker())
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def kill_workers(self, sig: int) -> None:
        """Send the signal to the workers; if it ends them, announce the shutdown."""
        super().kill_workers(sig)
        if sig in {signal.SIGTERM, signal.SIGQUIT} and self._announcement is None:
            self._announcement = threading.Thread(target=self._announce, daemon=True)
            self._announcement_deadline = time.monotonic() + ANNOUNCEMENT_SECONDS
            self._announcement.start()

    def stop(self, graceful: bool = True) -> None:
        """End the workers, and wait for the announcement until its deadline."""
        self.log.info("shutting_down")
        super().stop(graceful)
        if self._announcement is not None:
            self._announcement.join(max(0.0, self._announcement_deadline - time.monotonic()))
            if self._announcement.is_alive():
                self.log.info("server_shutdown_not_announced")
        # A repeated signal must not change the exit code now.
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        self.log.info("workers_ended")

    def _announce(self) -> None:
        # Imported here, because workers that are forked later would inherit the imported code, also
        # after a reload with newer code. After this point the arbiter forks no workers.
        from app.server.shutdown_notice import announce_shutdown

        announce_shutdown(self.settings, self.log)
