"""Receivers of alerts: every service that apprise supports, each on a thread of its own."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

QUEUE_SIZE = 50
ATTEMPT_DELAYS_SECONDS = (0.0, 2.0, 10.0)
"""The delay before each attempt."""

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Message:
    """A message that receivers show."""

    title: str
    body: str


class Receiver:
    """One URL of ALERT_URLS. A slow receiver delays neither the others nor the requests.

    The URL contains credentials, so only the name of the service is logged.
    """

    def __init__(self, url: str, number: int) -> None:
        # apprise imports about a hundred modules, so only processes with receivers import it.
        from apprise import Apprise

        self._service = Apprise()
        self._service.add(url)
        self.name = f"{url.partition(':')[0]}-{number}"
        self._queue: queue.Queue[Message] = queue.Queue(QUEUE_SIZE)
        self._thread: threading.Thread | None = None

    @property
    def idle(self) -> bool:
        """Whether every message is delivered or given up."""
        return self._queue.unfinished_tasks == 0

    def enqueue(self, message: Message) -> None:
        """Deliver the message in the background; drops it if the queue is full."""
        try:
            self._queue.put_nowait(message)
        except queue.Full:
            log.warning("alert_dropped", receiver=self.name, title=message.title)
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._deliver_all, name=f"alerts-{self.name}", daemon=True
            )
            self._thread.start()

    def _deliver_all(self) -> None:
        while True:
            message = self._queue.get()
            try:
                self._deliver(message)
            finally:
                self._queue.task_done()

    def _deliver(self, message: Message) -> None:
        for delay in ATTEMPT_DELAYS_SECONDS:
            time.sleep(delay)
            # apprise catches the errors of a service and returns False.
            if self._service.notify(body=message.body, title=message.title, notify_type="failure"):
                log.info("alert_sent", receiver=self.name, title=message.title)
                return
        log.error("alert_not_sent", receiver=self.name, title=message.title)


def receivers_at(urls: Sequence[str]) -> list[Receiver]:
    """A receiver for each URL."""
    if urls:
        # Both log the URLs that they call, and those of Slack and others contain tokens.
        logging.getLogger("apprise").setLevel(logging.CRITICAL)
        logging.getLogger("urllib3").setLevel(logging.ERROR)
    return [Receiver(url, number) for number, url in enumerate(urls, start=1)]
