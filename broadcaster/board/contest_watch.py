"""Sends the contest of a board to its viewers when its clock or its reveal has changed."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from gevent.event import Event

from app.contest.contests import Contests
from app.contract.errors import DatabaseUnavailable
from app.contract.events import ContestUpdate
from app.contract.viewers.contests import Contest
from broadcaster.viewers.audience import Audience
from broadcaster.viewers.encoded_event import EncodedEvent

CHECK_SECONDS = 2.0
"""The delay after which viewers get changed times, because no message announces the change."""

log = structlog.stdlib.get_logger(__name__)


class ContestWatch:
    """Reads the contest of a watched board, and sends it to the audience when it has changed."""

    def __init__(self, contests: Contests, audience: Audience) -> None:
        self._contests = contests
        self._audience = audience
        self._sent: Contest | None = None
        self._wake = Event()
        self._wake.set()
        self._stopped = False

    def check(self) -> None:
        """Read the contest now, because a message may have been lost."""
        self._wake.set()

    def on_board_changed(self) -> None:
        """Read the contest now if the board hides acts, because a step may have shown some."""
        if self._sent is not None and self._sent.hides:
            self._wake.set()

    def stop(self) -> None:
        """End run() soon."""
        self._stopped = True
        self._wake.set()

    def run(self, progress: Callable[[], None]) -> None:
        """Watch until stop(); `progress` is called after each read, also after one that failed."""
        while True:
            self._wake.wait(CHECK_SECONDS)
            self._wake.clear()
            if self._stopped:
                return
            try:
                contest = self._contests.read(self._audience.watched)
            except DatabaseUnavailable as error:
                # The times that viewers have are still right, and the next check reads again.
                log.warning("contest_not_read", code=error.code)
            else:
                self._send(contest)
            progress()

    def _send(self, contest: Contest) -> None:
        if contest == self._sent or (self._sent is None and contest.is_plain):
            return
        self._sent = contest
        self._audience.send_contest(EncodedEvent(ContestUpdate(contest, self._audience.watched)))
