"""A subscription to Redis channels that renews itself; for threads and greenlets alike."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from contextlib import closing

import redis
import structlog

from app.stores.redis import Failure

POLL_SECONDS = 0.5
PING_SECONDS = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0

log = structlog.stdlib.get_logger(__name__)


class Subscription:
    """Hands every message of the channels to its handler.

    Redis keeps nothing for who is away: `on_renewed` is called each time the subscription
    stands anew, before any message, so that what may have been missed is read again.
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
        self._pause = FIRST_PAUSE

    def run(self) -> None:
        """Listen until stop(); after a failure come back with backoff and jitter."""
        while not self._stopped.is_set():
            try:
                self._listen()
            except Failure as error:
                log.warning("subscription_lost", cause=str(error))
                self._stopped.wait(self._pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def stop(self) -> None:
        """End run() within POLL_SECONDS."""
        self._stopped.set()

    def _listen(self) -> None:
        with closing(self._client.pubsub()) as channels:
            channels.subscribe(*self._handlers)
            outstanding = set(self._handlers)
            silent = 0.0
            while not self._stopped.is_set():
                message = channels.get_message(timeout=POLL_SECONDS)
                if message is None:
                    silent += POLL_SECONDS
                    silent = self._probe(channels, silent)
                    continue
                silent = 0.0
                if message["type"] == "subscribe":
                    outstanding.discard(message["channel"])
                    if not outstanding:
                        log.info("subscribed", channels=sorted(self._handlers))
                        self._pause = FIRST_PAUSE
                        self._on_renewed()
                elif message["type"] == "message":
                    self._handlers[message["channel"]](message["data"])

    def _probe(self, channels: redis.client.PubSub, silent: float) -> float:
        """Ask a Redis that was silent; one that is still silent after the question is gone."""
        if silent < PING_SECONDS:
            return silent
        if silent >= 2 * PING_SECONDS:
            raise redis.TimeoutError("Redis does not answer the subscriber")
        if silent < PING_SECONDS + POLL_SECONDS:
            channels.ping()
        return silent
