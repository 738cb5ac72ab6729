"""Sends viewers that asked for it (watch_me) their own score and rank."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import gevent
import structlog
from gevent.event import Event

from app.contract.errors import DatabaseUnavailable, RedisUnavailable
from app.contract.events import RankUpdate
from app.contract.standings import BoardPeriod, OwnStanding, OwnStandings
from broadcaster.metrics import PERSONAL_WATCHERS
from broadcaster.viewers.viewer import Viewer
from broadcaster.viewers.websocket import frames

PAUSE_SECONDS = 1.0
"""Between two rounds; so a viewer gets at most one rank update in this time."""
CHECK_SECONDS = 3.0
"""Time between two rounds over all users, so that a lost message costs at most 5 s."""
USERS_PER_READ = 100
"""Small enough that a read blocks Redis for no more than 1 or 2 ms."""
SEND_SHARE, READ_SHARE = 0.1, 0.2
"""Largest share of a core for sending, and of the time for reading; beyond it rounds are rarer."""

log = structlog.stdlib.get_logger(__name__)


class _Subject(NamedTuple):
    """Whose standing is read, and on which board."""

    watched: BoardPeriod
    user_id: str


class RankUpdates:
    """Reads the standings of all watched users in rounds, and sends those that changed.

    `read(watched, user_ids)` returns the standings of these users at one time, or None while the
    rank index is incomplete. It may raise RedisUnavailable and DatabaseUnavailable. A round reads
    each user once on each board that its viewers watch, however many viewers the user has. A board
    is read only if some score of it changed or a viewer of it has just sent watch_me.
    """

    def __init__(self, read: Callable[[BoardPeriod, Sequence[str]], OwnStandings | None]) -> None:
        self._read = read
        self._watching: dict[_Subject, set[Viewer]] = {}
        self._subjects: dict[Viewer, _Subject] = {}
        self._sent: dict[_Subject, OwnStanding] = {}
        self._asking: set[Viewer] = set()
        self._changed: set[BoardPeriod] = set()
        self._wake = Event()
        self._send_seconds = self._read_seconds = 0.0

    def watch(self, viewer: Viewer) -> None:
        """Send the viewer its user's standing now, and from now on after each change."""
        self._forget(viewer)
        subject = _Subject(viewer.audience.watched, viewer.identity.user_id)
        self._subjects[viewer] = subject
        self._watching.setdefault(subject, set()).add(viewer)
        self._asking.add(viewer)
        self._wake.set()

    def on_moved(self, viewer: Viewer) -> None:
        """The viewer now watches another board: send the user's standing on it after watch_me."""
        if viewer in self._subjects:
            self.watch(viewer)

    def check(self, watched: BoardPeriod) -> None:
        """Read all watched users of a board, because a score, and with it any rank, may differ."""
        if self._watching:
            self._changed.add(watched)
            self._wake.set()

    def run(self, progress: Callable[[], None]) -> None:
        """Do rounds forever; `progress` is called after each."""
        check_at = time.monotonic() + CHECK_SECONDS
        while True:
            self._wake.wait(max(0.0, check_at - time.monotonic()))
            if time.monotonic() >= check_at:
                self._changed.update(subject.watched for subject in self._watching)
                check_at = time.monotonic() + CHECK_SECONDS
            self._wake.clear()
            self._remove_closed_viewers()
            self._send_seconds = self._read_seconds = 0.0
            if not self._do_round():
                self._wake.set()
            progress()
            sending, reading = self._send_seconds / SEND_SHARE, self._read_seconds / READ_SHARE
            gevent.sleep(max(PAUSE_SECONDS, sending, reading))

    def _do_round(self) -> bool:
        """Read and send; False if a part of the round has to be repeated."""
        changed, self._changed = self._changed, set()
        asking, self._asking = self._asking, set()
        due: dict[BoardPeriod, list[str]] = {}
        for subject in {self._subjects[viewer] for viewer in asking} | {
            subject for subject in self._watching if subject.watched in changed
        }:
            due.setdefault(subject.watched, []).append(subject.user_id)
        complete = True
        for watched, user_ids in due.items():
            if self._read_and_send(watched, user_ids, asking):
                continue
            complete = False
            if watched in changed:
                self._changed.add(watched)
            self._asking |= {each for each in asking if self._watched_by(each) == watched}
        return complete

    def _read_and_send(
        self, watched: BoardPeriod, user_ids: Sequence[str], asking: set[Viewer]
    ) -> bool:
        for portion in _portions(user_ids, USERS_PER_READ):
            standings = self._read_standings(watched, portion)
            if standings is None:
                return False
            started = time.thread_time()
            for user_id, own in zip(portion, standings.own, strict=True):
                self._send(_Subject(watched, user_id), own, standings.version, asking)
            self._send_seconds += time.thread_time() - started
        return True

    def _read_standings(self, watched: BoardPeriod, user_ids: Sequence[str]) -> OwnStandings | None:
        started = time.monotonic()
        try:
            standings = self._read(watched, user_ids)
        except (RedisUnavailable, DatabaseUnavailable) as error:
            log.warning("standings_not_read", code=error.code, board=watched.board)
            return None
        self._read_seconds += time.monotonic() - started
        if standings is None:
            # Not counted in SQL instead, where each rank may take long: the index is complete soon.
            log.info("rank_index_incomplete", users=len(user_ids))
        return standings

    def _send(self, subject: _Subject, own: OwnStanding, version: int, asking: set[Viewer]) -> None:
        # All viewers of the user may have left during the round.
        viewers = self._watching.get(subject, set())
        recipients = viewers if self._sent.get(subject) != own else viewers & asking
        if recipients:
            frame = frames.text(RankUpdate(own, version, subject.watched).dump())
            for viewer in recipients:
                viewer.send(frame)
        if viewers:
            self._sent[subject] = own

    def _watched_by(self, viewer: Viewer) -> BoardPeriod | None:
        subject = self._subjects.get(viewer)
        return subject and subject.watched

    def _forget(self, viewer: Viewer) -> None:
        subject = self._subjects.pop(viewer, None)
        self._asking.discard(viewer)
        if subject is None:
            return
        viewers = self._watching[subject]
        viewers.discard(viewer)
        if not viewers:
            del self._watching[subject]
            self._sent.pop(subject, None)

    def _remove_closed_viewers(self) -> None:
        for viewer in [viewer for viewer in self._subjects if viewer.closed]:
            self._forget(viewer)
        PERSONAL_WATCHERS.set(len({subject.user_id for subject in self._watching}))


def _portions(user_ids: Iterable[str], size: int) -> Iterator[tuple[str, ...]]:
    remaining = iter(user_ids)
    while portion := tuple(islice(remaining, size)):
        yield portion
