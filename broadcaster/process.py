"""The process: what runs in it, and how it ends."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gevent
import structlog
from gevent.event import Event

from app.composition import Services, build_services
from app.contract.alerts import AlertKind
from broadcaster.close_codes import shutting_down
from broadcaster.conversation import Conversation
from broadcaster.descriptors import viewers_that_fit
from broadcaster.feed import Feed
from broadcaster.heartbeat import Heartbeat
from broadcaster.hub import Hub
from broadcaster.limits import configured_limits
from broadcaster.personal import PersonalLines
from broadcaster.server import create_app
from broadcaster.takeover import HandshakeServer
from config.logging import configure_logging
from config.settings import InvalidSettings, load_settings

FAILED, UNUSABLE_SETTINGS = 1, 2
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
GOODBYE_SHARE = 0.5
"""Of the shutdown time, for saying goodbye; the rest is for the viewers' answers."""
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
    log_uncaught_in_greenlets()
    services = build_services(settings)
    try:
        broadcaster = Broadcaster(services)
        if not broadcaster.listen():
            return FAILED
        exit_code = broadcaster.run()
    finally:
        services.close()
    log.info("stopped", code=exit_code)
    # What is repeated now must not change the exit code.
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    logging.shutdown()
    return exit_code


def log_uncaught_in_greenlets() -> None:
    """Log what gevent would write to stderr over several lines, with the greenlet's arguments."""

    def log_it(_context: object, kind: Any, error: Any, trace: Any) -> None:
        log.error("uncaught", exc_info=(kind, error, trace))

    event_loop: Any = gevent.get_hub()
    event_loop.print_exception = log_it


class Broadcaster:
    """Serves viewers until told to stop, or until a part fails that it can't do without."""

    def __init__(self, services: Services) -> None:
        self._settings = services.settings
        self._alerts = services.alerts
        limits = configured_limits(self._settings)
        limits = replace(limits, viewers=viewers_that_fit(limits.viewers))
        self._personal_lines = PersonalLines(services.leaderboard.own_standings)
        conversation = Conversation(services, self._personal_lines)
        self._hub = Hub(self._settings.heartbeat_seconds, limits, conversation.answer)
        self._feed = Feed(services, self._hub, self._personal_lines)
        self._heartbeat = Heartbeat(self._hub, self._settings.heartbeat_seconds)
        self._server = HandshakeServer(
            (self._settings.host, self._settings.broadcaster_port),
            create_app(services, self._hub, self._feed.coalescer),
            # Else gevent asks DNS for the address's name, 10 s long where nobody answers.
            environ={"SERVER_NAME": self._settings.host},
            log=None,
            error_log=None,
        )
        self._stop = Event()
        self._exit_code = 0
        self._parts: list[gevent.Greenlet[..., None]] = []

    def listen(self) -> bool:
        """Open the port; False, and one line that says why, where it can't be had."""
        try:
            self._server.start()
        except OSError as error:
            where = f"{self._settings.host}:{self._settings.broadcaster_port}"
            sys.stderr.write(f"Can't listen on {where}: {error.strerror}\n")
            return False
        return True

    def run(self) -> int:
        """Serve; the exit code: 0 after a signal."""
        for number in STOP_SIGNALS:
            gevent.signal_handler(number, self._stop.set)
        self._alerts.start()
        self._start(self._feed.coalescer.run)
        self._start(self._feed.subscription.run)
        self._start(self._heartbeat.run)
        self._start(self._personal_lines.run)
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
        self._alerts.report(AlertKind.PART_FAILED, part.exception)
        self._exit_code = FAILED
        self._stop.set()

    def _shut_down(self) -> None:
        log.info("shutting_down", viewers=len(self._hub))
        self._server.close()
        log.info("stopped_accepting", requests=self._server.in_flight)
        gevent.with_timeout(self._settings.shutdown_seconds, self._say_goodbye, timeout_value=None)
        log.info("requests_finished", given_up=self._server.in_flight + len(self._hub))
        for viewer in self._hub.viewers():
            viewer.drop()
        gevent.killall(self._parts)
        log.info("background_stopped")

    def _say_goodbye(self) -> None:
        farewell = shutting_down(self._settings.reconnect_spread_ms)
        self._hub.drain(farewell, self._settings.shutdown_seconds * GOODBYE_SHARE)
        log.info("viewers_told")
        while len(self._hub) or self._server.in_flight:
            gevent.sleep(_DRAIN_POLL_SECONDS)
