"""A subscription to Redis channels that renews itself; for threads and for greenlets."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import Any

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

    The channels of `handlers` are subscribed to as long as run() runs, others from follow() to
    unfollow(), on the same connection.

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
        self._handlers = dict(handlers)
        self._on_renewed = on_renewed
        self._permanent = frozenset(handlers)
        self._followed: dict[str, Callable[[], None]] = {}
        self._lock = threading.Lock()
        self._connected: redis.client.PubSub | None = None
        self._requested: set[str] = set()
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

    def follow(
        self, channel: str, handler: Callable[[str], None], on_subscribed: Callable[[], None]
    ) -> None:
        """Pass the messages of one more channel to the handler, after update_channels().

        `on_subscribed` is called each time Redis has confirmed the channel, also after a renewed
        subscription, to read again what was missed before.
        """
        self._handlers[channel] = handler
        self._followed[channel] = on_subscribed

    def unfollow(self, channel: str) -> None:
        """Pass on no more messages of a followed channel; then call update_channels()."""
        del self._handlers[channel], self._followed[channel]

    def update_channels(self) -> None:
        """Subscribe to the channels that are followed, and to no others; may wait for the socket.

        While Redis can't be reached it does nothing, because the next connection begins with the
        channels that are followed then.
        """
        with self._lock:
            channels, wanted = self._connected, set(self._handlers)
            if channels is None:
                return
            # If sending fails, the connection is broken, and run() makes a new one.
            with suppress(redis.RedisError):
                if lacking := wanted - self._requested:
                    channels.subscribe(*lacking)
                if unwanted := self._requested - wanted:
                    channels.unsubscribe(*unwanted)
            self._requested = wanted

    def _listen(self, progress: Callable[[], None]) -> None:
        with closing(self._client.pubsub()) as channels:
            try:
                self._receive(channels, progress)
            finally:
                with self._lock:
                    self._connected = None

    def _subscribe(self, channels: redis.client.PubSub) -> None:
        with self._lock:
            self._requested = set(self._handlers)
            channels.subscribe(*self._requested)
            self._connected = channels

    def _receive(self, channels: redis.client.PubSub, progress: Callable[[], None]) -> None:
        self._subscribe(channels)
        outstanding = set(self._permanent)
        silent_seconds = 0.0
        while not self._stopped.is_set():
            message = _next_message(channels)
            if not outstanding:
                progress()
            if message is None:
                silent_seconds += POLL_SECONDS
                self._probe(channels, silent_seconds)
                continue
            silent_seconds = 0.0
            if message["type"] == "subscribe":
                if message["channel"] not in self._permanent:
                    self._followed.get(message["channel"], _ignore)()
                    continue
                outstanding.discard(message["channel"])
                if not outstanding:
                    log.info("subscribed", channels=sorted(self._permanent))
                    self._pause = FIRST_PAUSE_SECONDS
                    self._on_renewed()
            elif message["type"] == "message":
                self._handle(message["channel"], message["data"])

    def _handle(self, channel: str, payload: str) -> None:
        handler = self._handlers.get(channel)
        if handler is None:
            return  # Published before Redis read that the channel is not followed any more.
        try:
            handler(payload)
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


def _next_message(channels: redis.client.PubSub) -> Any:
    """The next message, or None after POLL_SECONDS without one.

    As PubSub.get_message(), which polls the socket twice before each read. That takes a quarter of
    the time in which a broadcaster follows a change of a board.
    """
    assert channels.connection is not None
    try:
        reply = channels.connection.read_response(timeout=POLL_SECONDS, disconnect_on_error=False)
    except redis.TimeoutError:
        return None
    return channels.handle_message(reply)


def _ignore() -> None:
    """For a channel that was unfollowed before Redis confirmed it."""
