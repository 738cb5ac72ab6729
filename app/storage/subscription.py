"""A subscription to Redis channels that renews itself; for threads and for greenlets."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing

import redis
import structlog

from app.contract.messages import MessageInvalid
from app.storage.redis import CONNECTION_ERRORS

POLL_SECONDS = 0.5
PING_SECONDS = 5.0
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.1, 2.0
INVALID_LOG_SECONDS = 10.0
"""Invalid messages are logged at most once in this time."""

log = structlog.stdlib.get_logger(__name__)


class Subscription:
    """Passes every message of the channels to its handler, which may raise MessageInvalid.

    Every failure of Redis and every error reply of it leads to a new connection. A message that is
    invalid is logged and skipped, because any client of Redis can publish on the channels.

    Redis stores no messages for a subscriber that is disconnected. So `on_renewed` is called each
    time the subscription is established, before any message, to read again what may be missed.
    """

    def __init__(
        self,
        client: redis.Redis,
        handlers: Mapping[str, Callable[[str], None]],
        on_renewed: Callable[[], None],
    ) -> None:
        self._client = client
        self._handlers = handlers
        self._on_renewed = on_renewed
        self._stopped = threading.Event()
        self._pause = FIRST_PAUSE_SECONDS
        self._invalid = 0
        self._next_invalid_log_at = 0.0

    def run(self, progress: Callable[[], None]) -> None:
        """Listen until stop(); reconnect after a failure, with backoff and jitter.

        `progress` is called every POLL_SECONDS while the subscription is established, and while
        Redis can't be reached, which the health check of Redis shows.
        """
        while not self._stopped.is_set():
            try:
                self._listen(progress)
            except redis.RedisError as error:
                log.warning("subscription_lost", cause=str(error))
                if isinstance(error, CONNECTION_ERRORS):
                    progress()
                self._stopped.wait(self._pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                self._pause = min(self._pause * 2, MAX_PAUSE_SECONDS)

    def stop(self) -> None:
        """End run() within POLL_SECONDS."""
        self._stopped.set()

    def _listen(self, progress: Callable[[], None]) -> None:
        with closing(self._client.pubsub()) as channels:
            channels.subscribe(*self._handlers)
            outstanding = set(self._handlers)
            silent_seconds = 0.0
            while not self._stopped.is_set():
                message = channels.get_message(timeout=POLL_SECONDS)
                if not outstanding:
                    progress()
                if message is None:
                    silent_seconds += POLL_SECONDS
                    self._probe(channels, silent_seconds)
                    continue
                silent_seconds = 0.0
                if message["type"] == "subscribe":
                    outstanding.discard(message["channel"])
                    if not outstanding:
                        log.info("subscribed", channels=sorted(self._handlers))
                        self._pause = FIRST_PAUSE_SECONDS
                        self._on_renewed()
                elif message["type"] == "message":
                    self._handle(message["channel"], message["data"])

    def _handle(self, channel: str, payload: str) -> None:
        try:
            self._handlers[channel](payload)
        except MessageInvalid as error:
            self._invalid += 1
            if time.monotonic() >= self._next_invalid_log_at:
                log.warning(
                    "message_invalid", channel=channel, cause=str(error), number=self._invalid
                )
                self._invalid = 0
                self._next_invalid_log_at = time.monotonic() + INVALID_LOG_SECONDS

    def _probe(self, channels: redis.client.PubSub, silent_seconds: float) -> None:
        """Ping Redis once if it has sent nothing; fail if it doesn't answer that either."""
        if silent_seconds >= 2 * PING_SECONDS:
            raise redis.TimeoutError("Redis does not answer the subscriber")
        if PING_SECONDS <= silent_seconds < PING_SECONDS + POLL_SECONDS:
            channels.ping()
