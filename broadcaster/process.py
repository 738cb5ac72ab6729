"""The process: what runs in it, and how it ends."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

import gevent
import structlog
from gevent.event import Event

from app.composition import Services, build_services
from broadcaster.conversation import Conversation
from broadcaster.feed import Feed
from broadcaster.heartbeat import Heartbeat
from broadcaster.hub import Hub
from broadcaster.server import create_app
from broadcaster.takeover import HandshakeServer
from config.logging import configure_logging
from config.settings import InvalidSettings, load_settings

FAILED, UNUSABLE_SETTINGS = 1, 2
_DRAIN_POLL_SECONDS = 0.05

log = structlog.stdlib.get_logger(__name__)


def main() -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    try:
        settings = load_settings()
    except InvalidSettings as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE_SETTINGS
    configure_logging(settings.log_level)
    services = build_services(settings)
    try:
        return Broadcaster(services).run()
    finally:
        services.close()


class Broadcaster:
    """Serves viewers until told to stop, or until a part fails that it can't do without."""

    def __init__(self, services: Services) -> None:
        self._settings = services.settings
        self._hub = Hub(self._settings.heartbeat_seconds, Conversation(services).answer)
        self._feed = Feed(services, self._hub)
        self._heartbeat = Heartbeat(self._hub, self._settings.heartbeat_seconds)
        self._server = HandshakeServer(
            (self._settings.host, self._settings.broadcaster_port),
            create_app(services, self._hub, self._feed.coalescer),
            log=None,
            error_log=None,
        )
        self._stop = Event()
        self._exit_code = 0
        self._parts: list[gevent.Greenlet[..., None]] = []

    def run(self) -> int:
        """Serve; the exit code: 0 after a signal."""
        try:
            self._server.start()
        except OSError as error:
            where = f"{self._settings.host}:{self._settings.broadcaster_port}"
            sys.stderr.write(f"Can't listen on {where}: {error.strerror}\n")
            return FAILED
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(signal_number, self._stop.set)
        self._start(self._feed.coalescer.run)
        self._start(self._feed.subscription.run)
        self._start(self._heartbeat.run)
        log.info("listening", host=self._settings.host, port=self._settings.broadcaster_port)
        self._stop.wait()
        self._shut_down()
        return self._exit_code

    def _start(self, part: Callable[[], None]) -> None:
        greenlet = gevent.spawn(part)
        greenlet.link_exception(self._fail)
        self._parts.append(greenlet)

    def _fail(self, part: gevent.Greenlet[..., None]) -> None:
        # Without this part viewers would see boards that are no longer true; whoever supervises
        # the process starts another one.
        log.critical("part_failed", part=str(part), exc_info=part.exception)
        self._exit_code = FAILED
        self._stop.set()

    def _shut_down(self) -> None:
        log.info("shutting_down", viewers=len(self._hub))
        self._server.close()
        gevent.with_timeout(self._settings.shutdown_seconds, self._say_goodbye, timeout_value=None)
        for viewer in self._hub.viewers():
            viewer.drop()
        gevent.killall(self._parts)
        log.info("stopped", code=self._exit_code)

    def _say_goodbye(self) -> None:
        self._hub.drain()
        while len(self._hub):
            gevent.sleep(_DRAIN_POLL_SECONDS)
