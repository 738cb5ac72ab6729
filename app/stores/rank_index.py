"""The rank index in Redis: a sorted set of scores and a hash of revisions."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import redis

from app.contract import keys
from app.contract.standings import OwnStanding, OwnStandings
from app.gathering import SharedCall
from app.stores.ledger import Change
from app.stores.lua_script import read_script
from app.stores.redis import translated
from app.stores.wal import WalPosition

KEEPER_LEASE_MS = 3_000
"""Each step renews it; a keeper that died delays the next repair by so much."""
KEPT_MS = 3_000
"""How long after a pass everybody else leaves the next one to its keeper."""
SCAN_COUNT = 1_000
CHANGES_AT_A_TIME = 200
"""Of a rebuild, in one run of the script: 3 ms in which Redis answers nobody else."""


class Placed(NamedTuple):
    """What place.lua did."""

    applied: int
    version: int
    raised: bool
    """Whether the top ten may have changed, and so the version was raised."""


class PlacedPoint(NamedTuple):
    """What became of one player's point."""

    placed: Placed
    """With the points that were placed together with it."""
    rank: int | None
    """Competition rank of its score; None while the index is not whole."""


class _Point(NamedTuple):
    change: Change
    seen_version: int


class RankIndex:
    """Applies changes and answers ranks; raises RedisUnavailable."""

    def __init__(
        self, client: redis.Redis, position: Callable[[], WalPosition | None] | None = None
    ) -> None:
        """`position` gives one behind all that is committed, for who reads a replica."""
        self._client = client
        self._position = position
        self._keeper = secrets.token_hex(8)
        self._place = read_script(client, "place")
        self._place_point = SharedCall(self._place_together)
        self._own_standings = read_script(client, "own_standings")
        self._chunk = read_script(client, "rebuild_chunk")
        self._mark = read_script(client, "mark_complete")
        self._hold = read_script(client, "hold")
        self._release = read_script(client, "release")

    def place(
        self, changes: Sequence[Change], seen_version: int, *, raise_version: bool = False
    ) -> Placed:
        """Apply committed changes that are newer than what the index has, and tell everybody."""
        placed, _ = self._apply(
            changes, seen_version, raise_version=raise_version, position=self._behind_commits()
        )
        return placed

    def place_point(self, change: Change, seen_version: int) -> PlacedPoint:
        """Apply one committed change, together with those that come side by side."""
        return self._place_point(_Point(change, seen_version))

    def vouch_for_position(self) -> None:
        """Say that the position kept with the version is behind all commits, announced or not.

        Redis may have lost some, or not been told. Nothing is done where no replica is read.
        """
        position = self._behind_commits()
        if position is not None:
            self._apply([], 0, position=position, whole=True)

    def _place_together(self, points: Sequence[_Point]) -> list[PlacedPoint]:
        seen_version = max(point.seen_version for point in points)
        changes = [point.change for point in points]
        placed, higher = self._apply(
            changes, seen_version, with_ranks=True, position=self._behind_commits()
        )
        if not higher:
            return [PlacedPoint(placed, None)] * len(points)
        return [PlacedPoint(placed, number + 1) for number in higher]

    def _behind_commits(self) -> WalPosition | None:
        """Asked after the commits, whoever made them, so it is behind each of them."""
        return self._position() if self._position else None

    def _apply(
        self,
        changes: Sequence[Change],
        seen_version: int,
        *,
        raise_version: bool = False,
        with_ranks: bool = False,
        position: WalPosition | None = None,
        whole: bool = False,
    ) -> tuple[Placed, list[int]]:
        """What was done, and how many stand above each change: none while the index isn't whole."""
        committed_at = max((change.changed_at for change in changes), default=0) // 1000
        arguments: list[str | int] = [
            int(raise_version),
            seen_version,
            committed_at,
            keys.SCORE_UPDATE,
            keys.CACHE_INVALIDATE,
            position.dump() if position else "",
            int(whole),
            int(with_ranks),
        ]
        for change in changes:
            arguments += [change.user_id, change.score, change.reached_at, change.revision]
        with translated():
            applied, version, raised, *higher = self._place(keys=_PLACE_KEYS, args=arguments)
        return Placed(applied, int(version), bool(raised)), higher

    def ranks(self, scores: Iterable[int]) -> dict[int, int] | None:
        """Competition rank of each score, None while the index is not whole."""
        wanted = list(scores)
        with translated(), self._client.pipeline(transaction=False) as pipeline:
            pipeline.exists(keys.INDEX_COMPLETE_UNTIL)
            for score in wanted:
                pipeline.zcount(keys.INDEX_SCORES, f"({score}", "+inf")
            whole, *higher = pipeline.execute()
        if not whole:
            return None
        return {score: count + 1 for score, count in zip(wanted, higher, strict=True)}

    def own_standings(self, user_ids: Sequence[str]) -> OwnStandings | None:
        """Score and rank of each of some hundred users, None while the index is not whole."""
        names = [keys.INDEX_SCORES, keys.INDEX_COMPLETE_UNTIL, keys.BOARD_VERSION]
        with translated():
            reply = self._own_standings(keys=names, args=user_ids)
        if not reply:
            return None
        version, *pairs = reply
        own = (
            OwnStanding(int(score), rank or None)
            for score, rank in zip(pairs[::2], pairs[1::2], strict=True)
        )
        return OwnStandings(int(version), tuple(own))

    def scores(self) -> Iterator[tuple[str, int]]:
        """Every (user id, score) in the index, in no order."""
        with translated():
            for user_id, score in self._client.zscan_iter(keys.INDEX_SCORES, count=SCAN_COUNT):
                yield user_id, int(score)

    def remove(self, user_id: str) -> None:
        """Take out what belongs to no user."""
        with translated(), self._client.pipeline(transaction=True) as pipeline:
            pipeline.zrem(keys.INDEX_SCORES, user_id)
            pipeline.hdel(keys.INDEX_REVISIONS, user_id)
            pipeline.execute()

    def complete_until(self) -> int | None:
        """PostgreSQL time in µs up to which all changes are in; None: the index is not whole."""
        with translated():
            moment = self._client.get(keys.INDEX_COMPLETE_UNTIL)
        return None if moment is None else int(moment)

    def become_keeper(self) -> str | None:
        """A token for the one who may rebuild or repair now; None while somebody else does."""
        token = self._keeper
        with translated():
            held = self._client.set(keys.INDEX_KEEPER, token, nx=True, px=KEEPER_LEASE_MS)
            # A Redis that was frozen may have carried out a command whose answer we gave up on.
            held = held or self._client.get(keys.INDEX_KEEPER) == token
        return token if held else None

    def kept_by_another(self) -> bool:
        """Whether another keeper was here a moment ago."""
        with translated():
            return self._client.get(keys.INDEX_KEPT) not in (None, self._keeper)

    def note_kept(self) -> None:
        """Say that this keeper was here."""
        with translated():
            self._client.set(keys.INDEX_KEPT, self._keeper, px=KEPT_MS)

    def rebuild_chunk(self, token: str, changes: Sequence[Change]) -> bool:
        """Add users to an index being rebuilt; False where the keeper's lease was lost."""
        names = [keys.INDEX_KEEPER, keys.INDEX_SCORES, keys.INDEX_REVISIONS]
        for start in range(0, len(changes), CHANGES_AT_A_TIME):
            arguments: list[str | int] = [token, KEEPER_LEASE_MS]
            for change in changes[start : start + CHANGES_AT_A_TIME]:
                arguments += [change.user_id, change.score, change.revision]
            with translated():
                if not self._chunk(keys=names, args=arguments):
                    return False
        return True

    def remain_keeper(self, token: str) -> bool:
        """Go on as the keeper; False where that was lost."""
        with translated():
            return bool(self._hold(keys=[keys.INDEX_KEEPER], args=[token, KEEPER_LEASE_MS]))

    def mark_complete(self, token: str, moment: int) -> bool:
        """Say that all changes until that moment (PostgreSQL's, µs) are in."""
        names = [keys.INDEX_KEEPER, keys.INDEX_COMPLETE_UNTIL]
        with translated():
            return bool(self._mark(keys=names, args=[token, moment]))

    def resign(self, token: str) -> None:
        """Let somebody else be the keeper."""
        with translated():
            self._release(keys=[keys.INDEX_KEEPER], args=[token])


_PLACE_KEYS = [
    keys.INDEX_SCORES,
    keys.INDEX_REVISIONS,
    keys.INDEX_COMPLETE_UNTIL,
    keys.BOARD_VERSION,
    keys.LAST_BOARD,
    keys.CACHED_BOARD,
]
