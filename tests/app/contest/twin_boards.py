"""Two boards of a running system with the same players and acts, and different hidden acts."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from app.boards.board import PERIODS
from app.boards.known_boards import MAX_AGE_SECONDS
from app.contract import keys
from app.contract.standings import Ranking
from app.leaderboard.rankings import ranking_of
from tests.app.boards.test_clock import database_time
from tests.app.contest.public_surfaces import PublicBoard, check_same
from tests.app.contest.viewer_records import ChannelLog, FrameRecorder
from tests.support.players import PASSWORD, Person
from tests.support.rank_index import is_indexed
from tests.support.service_acts import OPERATOR, act, act_id, count, create_board, zone_at_noon
from tests.support.services import Services
from tests.support.system.harness import SystemHarness
from tests.support.waiting import await_true

PLAYERS = 14
WATCHER, ACTIVE, LATE = 0, 5, 13
"""A player without hidden acts, one with some, and one who has only hidden acts."""
SECONDS = 20.0


class Twins:
    """Two boards of the same players and acts: `busy` gets many hidden acts, `quiet` hardly any."""

    def __init__(self, system: SystemHarness, services: Services, stack: ExitStack) -> None:
        self.services = services
        name = secrets.token_hex(4)
        self.busy, self.quiet, self._marker = f"twin-{name}-0", f"twin-{name}-1", f"mark-{name}"
        self.keys = (self.busy, self.quiet)
        self.people = [Person.register(services, f"Twin {n}") for n in range(PLAYERS)]
        self.tokens = {
            number: services.accounts.log_in(
                self.people[number].username, PASSWORD
            ).tokens.access_token
            for number in (WATCHER, ACTIVE, LATE)
        }
        for key in (*self.keys, self._marker):
            create_board(services, key, periods=PERIODS, time_zone=zone_at_noon())
        self._shown_ids = {key: act_id() for key in self.keys}
        for number, person in enumerate(self.people[:LATE]):
            for key in self.keys:
                given = {"id": self._shown_ids[key]} if number == ACTIVE else {}
                self.score(key, person, 10 + number % 4, **given)
        freezes_at = database_time(services) + timedelta(seconds=1)
        for key in self.keys:
            services.boards.edit(OPERATOR, key, "Twin", times={"freezes_at": freezes_at})
        self.public = [
            PublicBoard(system, key, {str(n): token for n, token in self.tokens.items()})
            for key in self.keys
        ]
        address = ("127.0.0.1", system.broadcaster_port)

        def recorder(key: str, token: str | None, period: str = "all") -> FrameRecorder:
            return stack.enter_context(FrameRecorder(address, token, key, period))

        tokens = self.tokens.values()
        self.recorders = {
            key: [
                *(recorder(key, token, kind) for token in tokens for kind in ("all", "day")),
                recorder(key, None, "week"),
            ]
            for key in self.keys
        }
        self._marks, self._marks_seen = 0, recorder(self._marker, self.tokens[WATCHER])
        self.channels = stack.enter_context(closing(ChannelLog(services.pubsub_client)))
        self._settle(freezes_at + timedelta(seconds=2 * MAX_AGE_SECONDS))

    def _rankings(self, key: str) -> dict[str, Ranking]:
        board = self.services.boards.find(key)
        standings = self.services.standings
        return {kind: ranking_of(board, standings.period(board, kind, None)) for kind in PERIODS}

    def _settle(self, known_at: datetime) -> None:
        """Return when each process has read the freeze, and each ranking has its index."""
        rankings = [each for key in self.keys for each in self._rankings(key).values()]
        # The first read requests the indexes.
        self._read = self.read()
        await_true(lambda: is_indexed(self.services, *rankings), SECONDS)
        await_true(lambda: database_time(self.services) > known_at, SECONDS)

    def score(self, key: str, person: Person, points: int, **fields: Any) -> dict[str, Any]:
        """The answer to an act."""
        (answer,) = count(self.services, act(person, points, key, **fields), boards=self.keys)
        found: dict[str, Any] = answer
        return found

    def pass_rounds(self) -> None:
        """Return after a whole round of rank updates, which began after this call."""
        # The second mark is sent in a later round than the first.
        for _ in range(2):
            self._marks += 1
            count(self.services, act(self.people[WATCHER], 1, self._marker), boards=(self._marker,))
            await_true(partial(self._marks_seen.has_score, self._marks), SECONDS)

    def read(self) -> list[dict[str, Any]]:
        """What the public reads of each board, as it was received."""
        return [public.read() for public in self.public]

    def are_equal(self) -> bool:
        """Read both boards; whether the public reads the same of both."""
        self._read = self.read()
        return _are_equal(self._normalized())

    def _normalized(self) -> list[dict[str, Any]]:
        return [
            public.normalized(found) for public, found in zip(self.public, self._read, strict=True)
        ]

    def counts(self) -> list[int]:
        """How many frames each connection has received."""
        return [len(each.received) for key in self.keys for each in self.recorders[key]]

    def boards(self) -> list[dict[str, Any]]:
        """The boards that the connections of each board have received."""
        return [
            {str(number): each.boards for number, each in enumerate(self.recorders[key])}
            for key in self.keys
        ]

    def show(self, *change: Any, **arguments: Any) -> None:
        """Call a function that changes both boards, and wait until all viewers have seen it."""
        change[0](*change[1:], **arguments)
        for key in self.keys:
            for kind, ranking in self._rankings(key).items():
                name = keys.of_ranking(ranking).version
                version = int(self.services.redis.hget(name, "version") or 0)
                await_true(partial(self._have_seen, key, kind, version), SECONDS)
        # Each change makes the same number of frames on both boards.
        check_same(*self.boards())

    def _have_seen(self, key: str, kind: str, version: int) -> bool:
        return all(
            each.version >= version or each.closed
            for each in self.recorders[key]
            if each.period == kind
        )

    def check_equal(self, state: str) -> None:
        """Both boards are in this state, and show and have sent the same."""
        watching = [each for key in self.keys for each in self.recorders[key]]
        await_true(lambda: all(each.has_state(state) or each.closed for each in watching), SECONDS)
        self.pass_rounds()
        await_true(lambda: _are_equal([self._last(key) for key in self.keys]), SECONDS)
        check_same(*self.boards())
        # A process may still clear its caches; the comparison after it shows the difference.
        with suppress(AssertionError):
            await_true(self.are_equal, SECONDS)
        check_same(*self._normalized())
        assert _are_equal(self.standings_of(WATCHER))
        assert not any(public.is_in_metrics() for public in self.public)

    def standings_of(self, number: int) -> list[Any]:
        """A player's own standings, on each board."""
        return [public.standings_of(self.tokens[number]) for public in self.public]

    def _last(self, key: str) -> list[dict[str, str]]:
        return [each.last for each in self.recorders[key]]

    def check_hidden(self) -> None:
        """Acts and corrections in the freeze send nothing, and change no byte that is public since
        check_equal()."""
        frames, messages = self.counts(), self.channels.of(self.keys)
        self._hide_acts()
        self.pass_rounds()
        assert self.counts() == frames
        assert self.channels.of(self.keys) == messages
        for shown, shown_before in zip(self.read(), self._read, strict=True):
            check_same(shown, shown_before)

    def _hide_acts(self) -> None:
        """Acts and corrections of both boards, which have nothing in common."""
        for points in (500, 1, 90):
            for person in self.people[1:]:
                answer = self.score(self.busy, person, points)
                # Those of players who are banned or deleted are refused.
                assert answer.keys() == {"id", "status"}
        again = self.score(self.busy, self.people[ACTIVE], 7)["id"]
        for points, status in ((7, "repeated"), (8, "conflict")):
            answer = self.score(self.busy, self.people[ACTIVE], points, id=again)
            assert answer == {"id": again, "status": status}
        # A repeat of an act before the freeze gets the score of that time.
        repeats = [
            self.score(key, self.people[ACTIVE], 10 + ACTIVE % 4, id=shown) | {"id": ""}
            for key, shown in self._shown_ids.items()
        ]
        assert _are_equal(repeats)
        for number in (3, ACTIVE):
            assert self.services.moderation.revoke_points(
                OPERATOR, self.people[number].user_id, board_key=self.busy, since=None
            ).done
        self.score(self.busy, self.people[3], 2)
        self.score(self.quiet, self.people[8], 3)


def _are_equal(pair: Sequence[Any]) -> bool:
    return bool(pair[0] == pair[1])
