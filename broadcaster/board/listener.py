"""Receives the messages on Redis channels and passes each to the part that acts on it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import gevent
import redis
import structlog

from app.contract.channels import (
    ChannelMessage,
    ScoreUpdate,
    ServerShutdown,
    SessionsEnded,
    score_update_channel,
)
from app.contract.events import ServerShutdownEvent
from app.contract.standings import BoardPeriod
from app.storage.redis import channel
from app.storage.subscription import Subscription
from broadcaster.board.session_recheck import SessionRecheck
from broadcaster.metrics import REDIS_MESSAGES, REDIS_RECONNECTS
from broadcaster.viewers.encoded_event import EncodedEvent
from broadcaster.viewers.hub import Hub

log = structlog.stdlib.get_logger(__name__)


class RedisListener:
    """Closes viewers of ended sessions, forwards server shutdowns, and passes on board changes.

    Redis keeps no messages for a subscriber that is away. So after each renewed subscription the
    watched boards, the ranks and the sessions of all viewers are read again.
    """

    def __init__(self, client: redis.Redis, hub: Hub, session_recheck: SessionRecheck) -> None:
        self._client = client
        self._hub = hub
        self._session_recheck = session_recheck
        self._subscription = Subscription(
            client,
            handlers={
                channel(client, message.channel): partial(self._receive, message)
                for message in (SessionsEnded, ServerShutdown)
            },
            on_renewed=self._on_renewed,
        )
        self._subscribed_before = False

    def run(self, progress: Callable[[], None]) -> None:
        """Listen forever; `progress` is called while the subscription is established."""
        self._subscription.run(progress)

    def follow(
        self,
        watched: BoardPeriod,
        on_change: Callable[[ScoreUpdate], None],
        on_subscribed: Callable[[], None],
    ) -> None:
        """Pass on the board's changes, after update_channels().

        `on_subscribed` is called each time Redis has confirmed the subscription, because changes
        before that were not announced.
        """

        received = REDIS_MESSAGES.labels(ScoreUpdate.channel)

        def receive(payload: str) -> None:
            received.inc()
            on_change(ScoreUpdate.parse(payload))

        self._subscription.follow(self._channel(watched), receive, on_subscribed)

    def unfollow(self, watched: BoardPeriod) -> None:
        """Pass on no more changes of the board; then call update_channels()."""
        self._subscription.unfollow(self._channel(watched))

    def update_channels(self) -> None:
        """Subscribe to the boards that are followed, and to no others; may wait for Redis."""
        self._subscription.update_channels()

    def _channel(self, watched: BoardPeriod) -> str:
        return channel(self._client, score_update_channel(watched))

    def _receive(self, kind: type[ChannelMessage], payload: str) -> None:
        match kind.parse(payload):
            case SessionsEnded() as ended:
                REDIS_MESSAGES.labels(kind.channel).inc()
                self._hub.end_sessions(ended)
            case ServerShutdown(instance):
                log.info("server_shutdown_received", instance=instance, viewers=len(self._hub))
                event = EncodedEvent(ServerShutdownEvent(instance))
                # In a greenlet of its own, so that it does not delay the next messages.
                gevent.spawn(self._hub.send_to_all, event)

    def _on_renewed(self) -> None:
        if self._subscribed_before:
            REDIS_RECONNECTS.inc()
        self._subscribed_before = True
        self._session_recheck.start()
