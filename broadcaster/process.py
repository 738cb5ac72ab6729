"""The broadcaster process: what runs in it, and how it shuts down (flow 10)."""

from __future__ import annotations

import logging
import signal
import sys
from dataclasses import replace
from functools import partial
from typing import Any

import gevent
import structlog
from gevent.event import Event
from gevent.monkey import get_original

from app.alerting.background_parts import BackgroundPart, Loop
from app.composition.broadcaster import BroadcasterServices, build_broadcaster_services
from app.contract.alerts import AlertKind
from app.contract.commands import Watch
from app.contract.viewers.close_codes import shutting_down
from app.network.addresses import authority
from app.observability.logging import configure_logging
from broadcaster.board.listener import RedisListener
from broadcaster.board.rank_updates import RankUpdates
from broadcaster.board.session_recheck import SessionRecheck
from broadcaster.board.watched_boards import WatchedBoards
from broadcaster.handshake.connection_limit import ConnectionLimit
from broadcaster.handshake.forwarding import FORWARDING_DESCRIPTORS, ApiForwarder
from broadcaster.handshake.server import OWN_PATHS, create_app
from broadcaster.handshake.socket_handover import HandshakeServer
from broadcaster.viewers.commands import ViewerCommands
from broadcaster.viewers.descriptors import viewers_that_fit
from broadcaster.viewers.heartbeat import Heartbeat
from broadcaster.viewers.hub import Hub
from broadcaster.viewers.limits import configured_limits
from broadcaster.viewers.viewer import Viewer
from config.settings import BroadcasterSettings, InvalidSettings, load, unused_port

FAILED, UNUSABLE_SETTINGS = 1, 2
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
CLOSE_SHARE = 0.5
"""Share of the shutdown time for closing viewers; the rest is for the viewers' answers."""
POLL_SECONDS = 0.05
SPARE_CONNECTIONS = 100
"""Connections beyond those of viewers, so that a full process can still answer requests."""
HINT = "If this host routes to PORT, start the broadcaster with BROADCASTER_PORT=$PORT"

log = structlog.stdlib.get_logger(__name__)


def main() -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    try:
        settings = load(BroadcasterSettings)
    except InvalidSettings as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE_SETTINGS
    configure_logging(settings.log_level, poll=get_original("select", "poll"))
    log_uncaught_in_greenlets()
    if port := unused_port():
        log.warning("port_not_used", port=port, listens_on=settings.broadcaster_port, hint=HINT)
    services = build_broadcaster_services(settings)
    try:
        broadcaster = Broadcaster(services)
        if not broadcaster.listen():
            return FAILED
        broadcaster.run()
    finally:
        services.close()
    log.info("stopped")
    # A signal that is repeated now must not change the exit code.
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    logging.shutdown()
    return 0


def log_uncaught_in_greenlets() -> None:
    """Log uncaught exceptions of greenlets as one line.

    gevent alone would write several lines to stderr, with the greenlet's arguments.
    """

    def log_it(_context: object, kind: Any, error: Any, trace: Any) -> None:
        log.error("uncaught", exc_info=(kind, error, trace))

    event_loop: Any = gevent.get_hub()
    event_loop.print_exception = log_it


class Broadcaster:
    """Serves viewers until a stop signal."""

    def __init__(self, services: BroadcasterServices) -> None:
        settings = self._settings = services.settings
        self._alerts = services.alerts
        limits = configured_limits(settings)
        forwarding = FORWARDING_DESCRIPTORS if settings.web_upstream else 0
        fitting = viewers_that_fit(limits.viewers + forwarding)
        limits = replace(limits, viewers=max(0, fitting - forwarding))
        rank_updates = RankUpdates(services.rankings.own_standings)
        authentication = services.viewer_authentication
        commands = ViewerCommands(authentication, rank_updates.watch, self._watch)
        self._hub = Hub(settings.heartbeat_seconds, limits, commands.execute)
        recheck = SessionRecheck(authentication, self._hub)
        listener = RedisListener(services.pubsub_client, self._hub, recheck)
        self._boards = WatchedBoards(services, listener, rank_updates)
        heartbeat = Heartbeat(self._hub, settings.heartbeat_seconds)
        report = partial(self._alerts.report, AlertKind.PART_FAILED)
        self._loops: dict[BackgroundPart, Loop] = {
            services.parts.add(name, report): loop
            for name, loop in (
                ("board", self._boards.run_main),
                ("contests", self._boards.run_contests),
                ("listener", listener.run),
                ("session recheck", recheck.run),
                ("heartbeat", heartbeat.run),
                ("rank updates", rank_updates.run),
            )
        }
        self._server = HandshakeServer(
            (settings.host, settings.broadcaster_port),
            create_app(services, self._hub, self._boards),
            # Otherwise gevent asks DNS for the name of the address, for up to 10 s.
            environ={"SERVER_NAME": settings.host},
            log=None,
            error_log=None,
            # A forwarded request is one connection, and needs two descriptors.
            limit=ConnectionLimit(max(0, fitting - forwarding // 2) + SPARE_CONNECTIONS, self._hub),
        )
        if settings.web_upstream is not None:
            self._server.forwarder = ApiForwarder(settings.web_upstream, OWN_PATHS)
        self._stop = Event()
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    def listen(self) -> bool:
        """Open the port; if that fails, write one line with the reason and return False."""
        try:
            self._server.start()
        except OSError as error:
            address = authority(self._settings.host, self._settings.broadcaster_port)
            sys.stderr.write(
                f"Can't listen on {address}: {error.strerror};"
                " set BROADCASTER_PORT (or HOST) to another value\n"
            )
            return False
        return True

    def run(self) -> None:
        """Serve until a stop signal."""
        for number in STOP_SIGNALS:
            gevent.signal_handler(number, self._stop.set)
        self._alerts.start()
        self._greenlets = [gevent.spawn(part.run, loop) for part, loop in self._loops.items()]
        log.info("listening", host=self._settings.host, port=self._settings.broadcaster_port)
        self._stop.wait()
        self._shut_down()

    def _watch(self, viewer: Viewer, command: Watch) -> None:
        self._boards.watch(viewer, command)

    def _shut_down(self) -> None:
        log.info("shutting_down", viewers=len(self._hub))
        self._server.close()
        log.info("stopped_accepting", requests=self._server.in_flight)
        gevent.with_timeout(
            self._settings.shutdown_seconds, self._close_viewers, timeout_value=None
        )
        log.info("requests_finished", given_up=self._server.in_flight + len(self._hub))
        for viewer in self._hub.viewers():
            viewer.drop()
        gevent.killall(self._greenlets)
        log.info("background_stopped")

    def _close_viewers(self) -> None:
        """Close all viewers and wait until they and the requests in progress have ended."""
        kind = shutting_down(self._settings.reconnect_spread_ms)
        self._hub.close_all(kind, self._settings.shutdown_seconds * CLOSE_SHARE)
        log.info("viewers_notified")
        while len(self._hub) or self._server.in_flight:
            gevent.sleep(POLL_SECONDS)
