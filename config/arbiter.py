"""gunicorn's arbiter: reloads without a pause, and tells viewers that it goes (flow 10)."""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from contextlib import suppress

from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from config.balance import ConnectionCounts
from config.settings import Settings
from config.worker import Worker

READY_SECONDS = 120.0
"""What new workers get to become ready at a reload, before the old ones stay instead."""
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
FAREWELL_SECONDS = 2.0
"""Longest time that the farewell takes; the workers' own end takes as long."""


class Server(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    """An arbiter that says once that it goes; a reload (SIGHUP) is no going.

    At a reload old workers serve until the new ones can. gunicorn has no hook for either, and no
    setting that names an arbiter's class, so config/gunicorn.py gives this one to the arbiter
    that is there.
    """

    settings: Settings
    connection_counts: ConnectionCounts
    _newest_before_reload: int | None = None
    _farewell: threading.Thread | None = None
    _farewell_until = 0.0

    @classmethod
    def become(cls, arbiter: Arbiter, settings: Settings) -> None:
        """Make this arbiter one of ours."""
        arbiter.__class__ = cls
        arbiter.settings = settings
        arbiter.connection_counts = ConnectionCounts()

    def handle_int(self) -> None:
        # gunicorn's own would cut off what is in flight; a second Ctrl-C still does.
        self.handle_term()

    def reload(self) -> None:
        """Replace the workers; where the new ones can't work, the old ones stay."""
        self._newest_before_reload = self.worker_age
        try:
            super().reload()
        except (HaltServer, SystemExit) as failure:
            if os.getpid() != self.pid:
                raise  # the end of a new worker, which began in here
            self._keep_old_workers(failure)
        finally:
            self._newest_before_reload = None

    def manage_workers(self) -> None:
        """Have as many workers as there should be; at a reload, once the new ones are ready."""
        if self._newest_before_reload is not None:
            self._await_new_workers()
        super().manage_workers()

    def _await_new_workers(self) -> None:
        limit = time.monotonic() + READY_SECONDS
        while not all(worker.ready for worker in self._new_workers()):
            self.reap_workers()
            if self._told_to_stop():
                raise StopIteration
            if time.monotonic() > limit:
                raise HaltServer(f"New workers are not ready after {READY_SECONDS:.0f} s.")
            time.sleep(0.05)

    def _new_workers(self) -> list[Worker]:
        before = self._newest_before_reload or 0
        return [worker for worker in self.WORKERS.values() if worker.age > before]

    def _told_to_stop(self) -> bool:
        waiting = []
        with suppress(queue.Empty):
            while True:
                waiting.append(self.SIG_QUEUE.get_nowait())
        for each in waiting:
            self.SIG_QUEUE.put_nowait(each)
        return not STOP_SIGNALS.isdisjoint(waiting)

    def _keep_old_workers(self, failure: BaseException) -> None:
        # Where it was the settings that can't be used, gunicorn has half of them by now.
        self.app.cfg = self.cfg
        # Of the environment too, which says where workers count.
        self.setup(self.app)
        while new := self._new_workers():
            for worker in new:
                self.kill_worker(worker.pid, signal.SIGKILL)
            with suppress(HaltServer):
                self.reap_workers()
            time.sleep(0.05)
        self.log.error("reload_failed, the old workers stay: %s", failure)

    def kill_workers(self, sig: int) -> None:
        """Pass the signal on, and after the one that ends them tell the viewers."""
        super().kill_workers(sig)
        if sig in {signal.SIGTERM, signal.SIGQUIT} and self._farewell is None:
            self._farewell = threading.Thread(target=self._say_farewell, daemon=True)
            self._farewell_until = time.monotonic() + FAREWELL_SECONDS
            self._farewell.start()

    def stop(self, graceful: bool = True) -> None:
        """End the workers, and the farewell too if it hangs."""
        self.log.info("shutting_down")
        super().stop(graceful)
        if self._farewell is not None:
            self._farewell.join(max(0.0, self._farewell_until - time.monotonic()))
        # A signal that is repeated now must not change the exit code.
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        self.log.info("workers_ended")

    def _say_farewell(self) -> None:
        # Imported here, since what the arbiter has imported stays old when it reloads its
        # workers; from now on it makes none.
        from app.farewell import announce_shutdown

        told = announce_shutdown(self.settings)
        self.log.info("server_shutdown_announced" if told else "server_shutdown_not_announced")
