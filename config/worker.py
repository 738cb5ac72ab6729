"""gunicorn's threaded worker, made to lose no request and to waste no time when told to stop.

docs/decisions/0010-shutdown.md says what gunicorn does by itself and what is added here.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from mmap import mmap
from typing import Any

import structlog

from config.lanes import LanedWorker
from config.made_once import make_once
from config.processors import keep_to
from config.whole_replies import send_whole

log = structlog.stdlib.get_logger(__name__)


class Worker(LanedWorker):
    """Serves until SIGTERM, then leaves in the order of flow 10."""

    wsgi: Any
    processor: int | None = None
    """The CPU to keep to, if it's one."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Shared with the arbiter, which makes the worker and then forks.
        self._ready = mmap(-1, 1)

    @property
    def ready(self) -> bool:
        """Whether it has begun to serve; for the arbiter."""
        return self._ready[0] == 1

    def init_process(self) -> None:
        # Before any thread is begun: threads run where the one that begins them does.
        if self.processor is not None:
            keep_to(self.processor)
        make_once()
        super().init_process()

    def run(self) -> None:
        """Start the threads beside the requests, serve, and stop everything in its order."""
        # Imported here, since what the arbiter has imported stays old when it reloads its workers.
        from app.background import Background
        from wsgi import services

        # The arbiter's own patience is longer: what follows the requests takes time too.
        self.cfg.set("graceful_timeout", services.settings.shutdown_seconds)
        background = Background(services)
        background.start()
        log.info("serving")
        self._ready[0] = 1
        super().run()
        given_up = self.nr_conns
        log.info("requests_finished", given_up=given_up)
        background.stop()
        services.close()
        log.info("stopped")
        logging.shutdown()
        if given_up:
            # Python would wait for their threads.
            os._exit(0)

    def load_wsgi(self) -> None:
        super().load_wsgi()
        app = self.wsgi

        def answer(environ: Any, start_response: Any) -> Any:
            body = app(environ, start_response)
            if not self.alive:
                # gunicorn decides before the app begins; this request was begun before SIGTERM,
                # and its client is to ask for nothing more on this connection.
                start_response.__self__.force_close()
            send_whole(start_response.__self__, environ, body)
            return body

        self.wsgi = answer

    def init_signals(self) -> None:
        super().init_signals()
        # Ctrl-C reaches the whole process group; the arbiter says what is to come of it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def is_parent_alive(self) -> bool:
        # Without an arbiter it is the same as being told to stop: the port has to become free.
        if not super().is_parent_alive():
            self.alive = False
        return bool(self.alive)

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            self._stop_listening()

    def _stop_listening(self) -> None:
        log.info("shutting_down")
        for listener in self.sockets:
            # Whom the kernel has let in already would be reset by the close. One that comes
            # later is refused by it, or is let in by another worker.
            self._accept_queued(listener)
            listener.close()
        log.info("stopped_accepting", connections=self.nr_conns)

    def _accept_queued(self, listener: Any) -> None:
        for _ in range(self.cfg.backlog):
            before = self.nr_conns
            self.accept(listener)
            if self.nr_conns == before:
                return

    def murder_keepalived(self, force: bool = False) -> None:
        expired = self.keepalived_conns and self.keepalived_conns[0].timeout <= time.monotonic()
        if expired and not force:
            # A request may have come since the poller was asked, and closing would reset it.
            self.wait_for_and_dispatch_events(0)
        super().murder_keepalived(force)
