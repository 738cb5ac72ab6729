"""What runs beside the requests in each process that serves them."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

import structlog

from app.composition.api import ApiServices, build_background
from app.maintenance.background import Background

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = structlog.stdlib.get_logger(__name__)


class ServingProcess:
    """Starts the background threads once in each process that serves, after its fork.

    A master process that loads the app and forks starts none. The threads and the connections are
    closed by stop(), or at the exit of the process if its server does not call that.
    """

    def __init__(self, services: ApiServices) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._process_id: int | None = None
        """The process that has started the threads; a forked child inherits another one's."""
        self._background: Background | None = None

    def start(self) -> None:
        """Start the threads, unless this process has started them."""
        with self._lock:
            if self._process_id == os.getpid():
                return
            self._background = build_background(self._services)
            self._background.start()
            self._process_id = os.getpid()
        atexit.register(self.stop)
        log.info("serving")

    def stop(self) -> None:
        """End the threads, then close the connections (flow 10); a second call does nothing."""
        with self._lock:
            background, self._background = self._background, None
        if background is None or self._process_id != os.getpid():
            return
        background.stop()
        self._services.close()
        log.info("stopped")

    def before_requests(self, app: WSGIApplication) -> WSGIApplication:
        """The app, which starts the threads before its first request."""

        def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            if self._process_id != os.getpid():
                self.start()
            return app(environ, start_response)

        return serve
