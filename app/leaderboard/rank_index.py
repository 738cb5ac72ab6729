"""The rank index in Redis: a sorted set of scores and a hash of revisions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import redis

from app.concurrency.batching import BatchedCall
from app.contract import keys
from app.contract.standings import MAX_VERSION_LEAD_MS, OwnStanding, OwnStandings
from app.ledger.action_rows import StandingChange
from app.storage.lease import RedisLease
from app.storage.lua_script import read_script
from app.storage.redis import channel, redis_errors
from app.storage.wal import WalPosition

RECONCILER_LEASE_MS = 3_000
"""Each step of a pass renews the lease; a reconciler that died delays the next pass by this."""
LAST_RECONCILER_MS = 3_000
"""How long after a pass the other processes leave the next pass to the same process."""
SCAN_COUNT = 1_000
REBUILD_BATCH_SIZE = 200
"""Users in one run of rebuild_chunk.lua, which blocks Redis for about 3 ms."""


class ApplyResult(NamedTuple):
    """Result of one run of apply.lua."""

    applied_changes: int
    version: int
    version_raised: bool
    """Whether the top ten may have changed; if so the version was raised."""


class AppliedPoint(NamedTuple):
    """Result of applying one player's point."""

    batch: ApplyResult
    """Result of the batch that the point was applied in."""
    rank: int | None
    """Competition rank of the player's score; None while the index is incomplete."""


class Mark(NamedTuple):
    """What the rank index contains."""

    complete_until: int
    """PostgreSQL's time up to which all changes are in the index, in µs since 1970."""
    clock_offset: int
    """PostgreSQL's clock minus Redis' when the mark was recorded, in µs."""
    settled_id: int
    """The changes of all of PostgreSQL's transactions before this id are in the index."""


class IndexState(NamedTuple):
    """Redis' clock in µs since 1970, and the mark; without a mark the index is incomplete."""

    redis_now: int
    mark: Mark | None


class _Point(NamedTuple):
    change: StandingChange
    seen_version: int


class RankIndex:
    """Applies changes and answers ranks; raises RedisUnavailable.

    Only BoardPublisher calls `apply` and `apply_point`, because a change that is not published
    does not reach the board caches of the processes.
    """

    def __init__(
        self,
        client: redis.Redis,
        position_after_commits: Callable[[], WalPosition | None] | None = None,
    ) -> None:
        """`position_after_commits` is needed only if boards are read from a replica."""
        self._client = client
        self._position_after_commits = position_after_commits
        self._channels = channel(client, keys.SCORE_UPDATE), channel(client, keys.CACHE_INVALIDATE)
        self._apply_script = read_script(client, "leaderboard", "apply")
        self._apply_point = BatchedCall(self._apply_batch)
        self._own_standings = read_script(client, "leaderboard", "own_standings")
        self._state = read_script(client, "leaderboard", "index_state")
        self._remove_user = read_script(client, "leaderboard", "remove_user")
        self._begin_rebuild = read_script(client, "leaderboard", "begin_rebuild")
        self._rebuild_chunk = read_script(client, "leaderboard", "rebuild_chunk")
        self._mark_complete = read_script(client, "leaderboard", "mark_complete")
        self.reconciler_lease = RedisLease(client, keys.RECONCILER_LEASE, RECONCILER_LEASE_MS)
        """Held by the process that rebuilds or repairs the index."""

    def apply(
        self, changes: Sequence[StandingChange], seen_version: int, *, raise_version: bool = False
    ) -> ApplyResult:
        """Apply committed changes that are newer than the index has, and announce the version.

        `seen_version` is the highest board version that the caller has seen.
        """
        result, _ = self._apply(
            changes, seen_version, raise_version=raise_version, position=self._commit_position()
        )
        return result

    def apply_point(self, change: StandingChange, seen_version: int) -> AppliedPoint:
        """Apply one committed change, in one call with those of the requests in the same batch."""
        return self._apply_point(_Point(change, seen_version))

    def confirm_position(self) -> None:
        """Record a WAL position that is behind all commits, also those never announced to Redis.

        Does nothing if no replica is read.
        """
        position = self._commit_position()
        if position is not None:
            self._apply([], 0, position=position, position_confirmed=True)

    def _apply_batch(self, points: Sequence[_Point]) -> list[AppliedPoint]:
        seen_version = max(point.seen_version for point in points)
        changes = [point.change for point in points]
        result, higher_counts = self._apply(
            changes, seen_version, with_ranks=True, position=self._commit_position()
        )
        if not higher_counts:
            return [AppliedPoint(result, None)] * len(points)
        return [AppliedPoint(result, higher + 1) for higher in higher_counts]

    def _commit_position(self) -> WalPosition | None:
        """A position read after the commits of this call's changes, and so behind all of them."""
        return self._position_after_commits() if self._position_after_commits else None

    def _apply(
        self,
        changes: Sequence[StandingChange],
        seen_version: int,
        *,
        raise_version: bool = False,
        with_ranks: bool = False,
        position: WalPosition | None = None,
        position_confirmed: bool = False,
    ) -> tuple[ApplyResult, list[int]]:
        """The result, and for each change the number of higher scores.

        The numbers are left out without `with_ranks` and while the index is incomplete.
        """
        committed_at = max((change.changed_at for change in changes), default=0) // 1000
        arguments: list[str | int] = [
            int(raise_version),
            seen_version,
            committed_at,
            *self._channels,
            position.dump() if position else "",
            int(position_confirmed),
            int(with_ranks),
            MAX_VERSION_LEAD_MS,
        ]
        for change in changes:
            arguments += [change.user_id, change.score, change.reached_at, change.revision]
        with redis_errors():
            applied, version, raised, *higher = self._apply_script(keys=_APPLY_KEYS, args=arguments)
        return ApplyResult(applied, int(version), bool(raised)), higher

    def ranks(self, scores: Iterable[int]) -> dict[int, int] | None:
        """Competition rank of each score; None while the index is incomplete."""
        wanted = list(scores)
        # In one step, so that the index can't be lost between the check and the counts.
        with redis_errors(), self._client.pipeline(transaction=True) as pipeline:
            pipeline.exists(keys.INDEX_COMPLETE_UNTIL)
            pipeline.hget(keys.INDEX_REVISIONS, "players")
            pipeline.zcard(keys.INDEX_SCORES)
            for score in wanted:
                pipeline.zcount(keys.INDEX_SCORES, f"({score}", "+inf")
            marked, players, size, *higher = pipeline.execute()
        if not marked or players != str(size):
            return None
        return {score: count + 1 for score, count in zip(wanted, higher, strict=True)}

    def own_standings(self, user_ids: Sequence[str]) -> OwnStandings | None:
        """Score and rank of each user, of a few hundred; None while the index is incomplete."""
        names = [*_INDEX_KEYS, keys.BOARD_VERSION]
        with redis_errors():
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
        with redis_errors():
            for user_id, score in self._client.zscan_iter(keys.INDEX_SCORES, count=SCAN_COUNT):
                yield user_id, int(score)

    def remove(self, user_id: str) -> None:
        """Remove a user's score and revision, so that a change of any revision can be applied."""
        with redis_errors():
            self._remove_user(keys=[keys.INDEX_SCORES, keys.INDEX_REVISIONS], args=[user_id])

    def state(self) -> IndexState:
        """Whether the index is complete, and up to which moment."""
        with redis_errors():
            now, *mark = self._state(keys=_INDEX_KEYS)
        return IndexState(int(now), Mark(*map(int, mark)) if mark else None)

    def last_reconciler(self) -> str | None:
        """Token of the process that made the last pass; None if it missed its next pass."""
        with redis_errors():
            token = self._client.get(keys.LAST_RECONCILER)
        return None if token is None else str(token)

    def note_reconciler(self, token: str) -> None:
        """Record that this process has made a pass, so that the others leave it the next one."""
        with redis_errors():
            self._client.set(keys.LAST_RECONCILER, token, px=LAST_RECONCILER_MS)

    def begin_rebuild(self, token: str) -> bool:
        """Remove what is left of the index; False if the lease was lost."""
        with redis_errors():
            names = [self.reconciler_lease.key, *_INDEX_KEYS]
            return bool(self._begin_rebuild(keys=names, args=[token]))

    def rebuild_chunk(self, token: str, changes: Sequence[StandingChange]) -> bool:
        """Add users to an index that is being rebuilt; False if the lease was lost."""
        lease = self.reconciler_lease
        names = [lease.key, keys.INDEX_SCORES, keys.INDEX_REVISIONS]
        for start in range(0, len(changes), REBUILD_BATCH_SIZE):
            arguments: list[str | int] = [token, lease.duration_ms]
            for change in changes[start : start + REBUILD_BATCH_SIZE]:
                arguments += [change.user_id, change.score, change.revision]
            with redis_errors():
                if not self._rebuild_chunk(keys=names, args=arguments):
                    return False
        return True

    def mark_complete(self, token: str, mark: Mark) -> bool:
        """Record the mark; False, and nothing is recorded, if the lease or the index was lost."""
        names = [self.reconciler_lease.key, *_INDEX_KEYS]
        with redis_errors():
            return bool(self._mark_complete(keys=names, args=[token, *mark]))


_INDEX_KEYS = [keys.INDEX_SCORES, keys.INDEX_REVISIONS, keys.INDEX_COMPLETE_UNTIL]
_APPLY_KEYS = [*_INDEX_KEYS, keys.BOARD_VERSION, keys.LAST_BOARD, keys.CACHED_BOARD]
