"""Sends the contests of boards to their viewers when a clock or a reveal has changed."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from gevent.event import Event

from app.boards.known_boards import KnownBoards
from app.contest.contests import Contests
from app.contract.errors import DatabaseUnavailable
from app.contract.events import ContestUpdate
from app.contract.standings import BoardPeriod
from app.contract.viewers.contests import Contest
from broadcaster.viewers.audience import Audience
from broadcaster.viewers.encoded_event import EncodedEvent

CHECK_SECONDS = 2.0
"""The delay after which viewers get changed times, because no message announces the change."""

log = structlog.stdlib.get_logger(__name__)


class ContestWatch:
    """Reads the contests of all watched boards, and sends each to its audience when it has changed.

    One query reads all boards. A board that hides acts needs one or two more, for its reveal.
    """

    def __init__(self, known_boards: KnownBoards, contests: Contests) -> None:
        self._known_boards = known_boards
        self._contests = contests
        self._audiences: dict[BoardPeriod, Audience] = {}
        self._sent: dict[BoardPeriod, Contest] = {}
        self._due: set[BoardPeriod] = set()
        self._wake = Event()

    def add(self, audience: Audience) -> None:
        """Watch the contest of this audience's board, from now on."""
        self._audiences[audience.watched] = audience
        self.check(audience.watched)

    def remove(self, audience: Audience) -> None:
        """Watch it no longer."""
        del self._audiences[audience.watched]
        self._sent.pop(audience.watched, None)

    def check(self, watched: BoardPeriod) -> None:
        """Read the contest now, because a message may have been lost."""
        self._due.add(watched)
        self._wake.set()

    def on_board_changed(self, watched: BoardPeriod) -> None:
        """Read the contest now if the board hides acts, because a step may have shown some."""
        sent = self._sent.get(watched)
        if sent is not None and sent.hides:
            self.check(watched)

    def run(self, progress: Callable[[], None]) -> None:
        """Watch forever; `progress` is called after each read, also after one that failed."""
        check_at = time.monotonic()
        while True:
            self._wake.wait(max(0.0, check_at - time.monotonic()))
            self._wake.clear()
            due, self._due = self._due, set()
            if time.monotonic() >= check_at:
                due = set(self._audiences)
                check_at = time.monotonic() + CHECK_SECONDS
            try:
                self._read(due)
            except DatabaseUnavailable as error:
                # The times that viewers have are still right, and the next check reads again.
                log.warning("contests_not_read", code=error.code)
            progress()

    def _read(self, due: set[BoardPeriod]) -> None:
        audiences = [each for watched, each in self._audiences.items() if watched in due]
        if not audiences:
            return
        boards = self._known_boards.find_all(sorted({each.watched.board for each in audiences}))
        for audience in audiences:
            watched = audience.watched
            # A database that was restored from a dump may not have the board.
            if (board := boards.get(watched.board)) is None:
                continue
            contest = self._contests.of(board, watched.period)
            # Its last viewer may have left during the read.
            if self._audiences.get(watched) is audience:
                self._send(audience, contest)

    def _send(self, audience: Audience, contest: Contest) -> None:
        watched = audience.watched
        sent = self._sent.get(watched)
        if contest == sent or (sent is None and contest.is_plain):
            return
        self._sent[watched] = contest
        audience.send_contest(EncodedEvent(ContestUpdate(contest, watched)))
