"""gunicorn's arbiter, which tells the viewers that its server goes (flow 10)."""

from __future__ import annotations

import signal
import threading
import time

from gunicorn.arbiter import Arbiter

from config.settings import Settings

FAREWELL_SECONDS = 2.0
"""Longest time that the farewell takes; the workers' own end takes as long."""


class Server(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    """An arbiter that says once that it goes; a reload (SIGHUP) is no going.

    gunicorn has no hook between SIGTERM and the workers' end, and no setting that names an
    arbiter's class, so config/gunicorn.py gives this one to the arbiter that is there.
    """

    settings: Settings
    _farewell: threading.Thread | None = None
    _farewell_until = 0.0

    @classmethod
    def become(cls, arbiter: Arbiter, settings: Settings) -> None:
        """Make this arbiter one of ours."""
        arbiter.__class__ = cls
        arbiter.settings = settings

    def handle_int(self) -> None:
        # gunicorn's own would cut off what is in flight; a second Ctrl-C still does.
        self.handle_term()

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
