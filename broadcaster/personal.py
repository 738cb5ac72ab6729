"""The personal line: a viewer who asked is told of their own score and rank."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import gevent
import structlog
from gevent.event import Event

from app.contract import messages
from app.contract.errors import RedisUnavailable
from app.contract.standings import OwnStanding, OwnStandings
from broadcaster import frames
from broadcaster.metrics import PERSONAL_WATCHERS
from broadcaster.viewer import Viewer

PAUSE_SECONDS = 1.0
"""Between the end of one round and the next: nobody is told more often than once in it."""
CHECK_SECONDS = 2.0
"""Longest rest without a round over all, so that lost news leaves nobody behind for 5 s."""
USERS_A_READ = 100
"""So that Redis serves nobody else for a millisecond or two, no longer."""
TELL_SHARE, READ_SHARE = 0.1, 0.2
"""Of a core for telling, and of the time for reading, at most; beyond it rounds come less often."""

log = structlog.stdlib.get_logger(__name__)


class PersonalLines:
    """Reads the standings of all users who are watched here in rounds, and tells who changed.

    `read(user_ids)` gives the standings of these users at one moment, None while there are no
    ranks, and may raise RedisUnavailable. A round reads each user once, however many viewers they
    have, and is held only when some player's score changed or a viewer has just asked.
    """

    def __init__(self, read: Callable[[Sequence[str]], OwnStandings | None]) -> None:
        self._read = read
        self._watching: dict[str, set[Viewer]] = {}
        self._told: dict[str, OwnStanding] = {}
        self._asking: set[Viewer] = set()
        self._news = False
        self._wake = Event()
        self._telling = self._reading = 0.0

    def watch(self, viewer: Viewer) -> None:
        """Tell the viewer their present standing, and from now on each change of it."""
        self._watching.setdefault(viewer.identity.user_id, set()).add(viewer)
        self._asking.add(viewer)
        self._wake.set()

    def look(self) -> None:
        """Some player's score may have changed, and with it anybody's rank."""
        self._news = True
        if self._watching:
            self._wake.set()

    def run(self) -> None:
        """Hold rounds for ever."""
        while True:
            if not self._wake.wait(CHECK_SECONDS):
                self._news = True
            self._wake.clear()
            self._forget_the_gone()
            self._telling = self._reading = 0.0
            if self._watching and not self._hold_round():
                self._wake.set()
            gevent.sleep(max(PAUSE_SECONDS, self._telling / TELL_SHARE, self._reading / READ_SHARE))

    def _hold_round(self) -> bool:
        """Read and tell; False where it has to be done again."""
        news, self._news = self._news, False
        asking, self._asking = self._asking, set()
        users = tuple(self._watching) if news else {v.identity.user_id for v in asking}
        for some in _portions(users, USERS_A_READ):
            standings = self._standings_of(some)
            if standings is None:
                self._news |= news
                self._asking |= asking
                return False
            begun = time.thread_time()
            for user_id, own in zip(some, standings.own, strict=True):
                self._tell(user_id, own, standings.version, asking)
            self._telling += time.thread_time() - begun
        return True

    def _standings_of(self, user_ids: Sequence[str]) -> OwnStandings | None:
        begun = time.monotonic()
        try:
            standings = self._read(user_ids)
        except RedisUnavailable as error:
            log.warning("standings_not_read", code=error.code)
            return None
        self._reading += time.monotonic() - begun
        if standings is None:
            # Not counted in SQL instead, where each rank may take long; the index is whole soon.
            log.info("standings_not_whole", users=len(user_ids))
        return standings

    def _tell(self, user_id: str, own: OwnStanding, version: int, asking: set[Viewer]) -> None:
        # They may all have left during the round.
        viewers = self._watching.get(user_id, set())
        whom = viewers if self._told.get(user_id) != own else viewers & asking
        if whom:
            frame = frames.text(messages.rank_update(own, version))
            for viewer in whom:
                viewer.tell(frame)
        self._told[user_id] = own

    def _forget_the_gone(self) -> None:
        for user_id, viewers in tuple(self._watching.items()):
            gone = {viewer for viewer in viewers if viewer.gone}
            viewers.difference_update(gone)
            self._asking -= gone
            if not viewers:
                del self._watching[user_id]
                self._told.pop(user_id, None)
        PERSONAL_WATCHERS.set(len(self._watching))


def _portions(users: Iterable[str], size: int) -> Iterator[tuple[str, ...]]:
    remaining = iter(users)
    while portion := tuple(islice(remaining, size)):
        yield portion
