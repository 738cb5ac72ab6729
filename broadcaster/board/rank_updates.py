"""Sends viewers that asked for it (watch_me) their own score and rank."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import gevent
import structlog
from gevent.event import Event

from app.contract.errors import RedisUnavailable
from app.contract.events import RankUpdate
from app.contract.standings import OwnStanding, OwnStandings
from broadcaster.metrics import PERSONAL_WATCHERS
from broadcaster.viewers import frames
from broadcaster.viewers.viewer import Viewer

PAUSE_SECONDS = 1.0
"""Between two rounds; so a viewer gets at most one rank update in this time."""
CHECK_SECONDS = 2.0
"""Longest time without a round over all users, so that a lost message costs at most 5 s."""
USERS_PER_READ = 100
"""Small enough that a read blocks Redis for no more than 1 or 2 ms."""
SEND_SHARE, READ_SHARE = 0.1, 0.2
"""Largest share of a core for sending, and of the time for reading; beyond it rounds are rarer."""

log = structlog.stdlib.get_logger(__name__)


class RankUpdates:
    """Reads the standings of all watched users in rounds, and sends those that changed.

    `read(user_ids)` returns the standings of these users at one time, or None while the rank
    index is incomplete. It may raise RedisUnavailable. A round reads each user once, however many
    viewers the user has. There is a round only if some score changed or a viewer has just asked.
    """

    def __init__(self, read: Callable[[Sequence[str]], OwnStandings | None]) -> None:
        self._read = read
        self._watching: dict[str, set[Viewer]] = {}
        self._sent: dict[str, OwnStanding] = {}
        self._asking: set[Viewer] = set()
        self._scores_changed = False
        self._wake = Event()
        self._send_seconds = self._read_seconds = 0.0

    def watch(self, viewer: Viewer) -> None:
        """Send the viewer its user's standing now, and from now on after each change."""
        self._watching.setdefault(viewer.identity.user_id, set()).add(viewer)
        self._asking.add(viewer)
        self._wake.set()

    def check(self) -> None:
        """Read all watched users, because a score may have changed, and with it any rank."""
        self._scores_changed = True
        if self._watching:
            self._wake.set()

    def run(self, progress: Callable[[], None]) -> None:
        """Do rounds forever; `progress` is called after each."""
        while True:
            if not self._wake.wait(CHECK_SECONDS):
                self._scores_changed = True
            self._wake.clear()
            self._remove_closed_viewers()
            self._send_seconds = self._read_seconds = 0.0
            if self._watching and not self._do_round():
                self._wake.set()
            progress()
            sending, reading = self._send_seconds / SEND_SHARE, self._read_seconds / READ_SHARE
            gevent.sleep(max(PAUSE_SECONDS, sending, reading))

    def _do_round(self) -> bool:
        """Read and send; False if the round has to be repeated."""
        scores_changed, self._scores_changed = self._scores_changed, False
        asking, self._asking = self._asking, set()
        asking_users = {viewer.identity.user_id for viewer in asking}
        due = tuple(self._watching if scores_changed else asking_users)
        for user_ids in _portions(due, USERS_PER_READ):
            standings = self._read_standings(user_ids)
            if standings is None:
                self._scores_changed |= scores_changed
                self._asking |= asking
                return False
            started = time.thread_time()
            for user_id, own in zip(user_ids, standings.own, strict=True):
                self._send(user_id, own, standings.version, asking)
            self._send_seconds += time.thread_time() - started
        return True

    def _read_standings(self, user_ids: Sequence[str]) -> OwnStandings | None:
        started = time.monotonic()
        try:
            standings = self._read(user_ids)
        except RedisUnavailable as error:
            log.warning("standings_not_read", code=error.code)
            return None
        self._read_seconds += time.monotonic() - started
        if standings is None:
            # Not counted in SQL instead, where each rank may take long: the index is complete soon.
            log.info("rank_index_incomplete", users=len(user_ids))
        return standings

    def _send(self, user_id: str, own: OwnStanding, version: int, asking: set[Viewer]) -> None:
        # All viewers of the user may have left during the round.
        viewers = self._watching.get(user_id, set())
        recipients = viewers if self._sent.get(user_id) != own else viewers & asking
        if recipients:
            frame = frames.text(RankUpdate(own, version).dump())
            for viewer in recipients:
                viewer.send(frame)
        self._sent[user_id] = own

    def _remove_closed_viewers(self) -> None:
        for user_id, viewers in tuple(self._watching.items()):
            closed = {viewer for viewer in viewers if viewer.closed}
            viewers.difference_update(closed)
            self._asking -= closed
            if not viewers:
                del self._watching[user_id]
                self._sent.pop(user_id, None)
        PERSONAL_WATCHERS.set(len(self._watching))


def _portions(user_ids: Iterable[str], size: int) -> Iterator[tuple[str, ...]]:
    remaining = iter(user_ids)
    while portion := tuple(islice(remaining, size)):
        yield portion
