"""Where alerts go: everything that apprise can reach, each on a thread of its own."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import structlog

QUEUE_SIZE = 50
PAUSES = (0.0, 2.0, 10.0)
"""Seconds before each attempt."""

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Message:
    """What a receiver is to show."""

    title: str
    body: str
    mood: Literal["failure", "success"]


class Receiver:
    """One URL of ALERT_URLS; slow or dead, it holds up nobody but itself.

    The URL holds its own credentials, so nothing of it is logged but the service's name.
    """

    def __init__(self, url: str, number: int) -> None:
        # Imported by who has receivers only: it brings some hundred modules.
        from apprise import Apprise

        self._service = Apprise()
        self._service.add(url)
        self.name = f"{url.partition(':')[0]}-{number}"
        self._waiting: queue.Queue[Message] = queue.Queue(QUEUE_SIZE)
        self._thread: threading.Thread | None = None

    @property
    def idle(self) -> bool:
        """Whether all that it was given is delivered or given up."""
        return self._waiting.unfinished_tasks == 0

    def offer(self, message: Message) -> None:
        """Have it delivered; dropped where too many wait already."""
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            log.warning("alert_dropped", receiver=self.name, title=message.title)
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._deliver_all, name=f"alerts-{self.name}", daemon=True
            )
            self._thread.start()

    def _deliver_all(self) -> None:
        while True:
            message = self._waiting.get()
            try:
                self._deliver(message)
            finally:
                self._waiting.task_done()

    def _deliver(self, message: Message) -> None:
        for pause in PAUSES:
            time.sleep(pause)
            # apprise answers False for whatever a service raised.
            if self._service.notify(
                body=message.body, title=message.title, notify_type=message.mood
            ):
                log.info("alert_sent", receiver=self.name, title=message.title)
                return
        log.error("alert_not_sent", receiver=self.name, title=message.title)


def receivers_at(urls: Sequence[str]) -> list[Receiver]:
    """A receiver for each URL."""
    if urls:
        # They log the URLs they call, in which Slack's and others' tokens are.
        logging.getLogger("apprise").setLevel(logging.CRITICAL)
        logging.getLogger("urllib3").setLevel(logging.ERROR)
    return [Receiver(url, number) for number, url in enumerate(urls, start=1)]
