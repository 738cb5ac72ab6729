"""Receives the messages on Redis channels and passes each to the part that acts on it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import gevent
import redis
import structlog

from app.contract.channels import CHANNELS, ScoreUpdate, ServerShutdown, SessionsEnded
from app.contract.events import ServerShutdownEvent
from app.storage.redis import channel
from app.storage.subscription import Subscription
from broadcaster.board.coalescer import Coalescer
from broadcaster.board.rank_updates import RankUpdates
from broadcaster.board.session_recheck import SessionRecheck
from broadcaster.metrics import REDIS_MESSAGES, REDIS_RECONNECTS
from broadcaster.viewers import frames
from broadcaster.viewers.hub import Hub

SUBSCRIBED = (ScoreUpdate.channel, SessionsEnded.channel, ServerShutdown.channel)
COUNTED = frozenset({ScoreUpdate.channel, SessionsEnded.channel})
"""Channels that the metric counts; a server's shutdown is rare, and logged instead."""

log = structlog.stdlib.get_logger(__name__)


class RedisListener:
    """Announces changes, closes viewers of ended sessions, and forwards server shutdowns.

    Redis keeps no messages for a subscriber that is away. So after each renewed subscription the
    board, the ranks and the sessions of all viewers are read again.
    """

    def __init__(
        self,
        client: redis.Redis,
        hub: Hub,
        coalescer: Coalescer,
        rank_updates: RankUpdates,
        session_recheck: SessionRecheck,
    ) -> None:
        self._hub = hub
        self._coalescer = coalescer
        self._rank_updates = rank_updates
        self._session_recheck = session_recheck
        self._subscription = Subscription(
            client,
            handlers={channel(client, name): partial(self._receive, name) for name in SUBSCRIBED},
            on_renewed=self._on_renewed,
        )
        self._subscribed_before = False

    def run(self, progress: Callable[[], None]) -> None:
        """Listen forever; `progress` is called while the subscription is established."""
        self._subscription.run(progress)

    def _receive(self, name: str, payload: str) -> None:
        if name in COUNTED:
            REDIS_MESSAGES.labels(name).inc()
        match CHANNELS[name].parse(payload):
            case ScoreUpdate(version):
                self._coalescer.announce(version)
                self._rank_updates.check()
            case SessionsEnded() as ended:
                self._hub.end_sessions(ended)
            case ServerShutdown(instance):
                log.info("server_shutdown_received", instance=instance, viewers=len(self._hub))
                frame = frames.text(ServerShutdownEvent(instance).dump())
                # In a greenlet of its own, so that it does not delay the next messages.
                gevent.spawn(self._hub.send_to_all, frame)

    def _on_renewed(self) -> None:
        if self._subscribed_before:
            REDIS_RECONNECTS.inc()
        self._subscribed_before = True
        self._coalescer.check()
        self._rank_updates.check()
        self._session_recheck.start()
