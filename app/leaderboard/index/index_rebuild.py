"""Rebuilds the rank index of a ranking, and the marks that say what an index contains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import redis

from app.contract import keys
from app.contract.keys import MAIN_KEYS, RankingKeys
from app.contract.standings import Ranking
from app.ledger.action_rows import StandingChange
from app.storage.lease import RedisLease
from app.storage.lua_script import Call, raised, read_script
from app.storage.redis import redis_errors

RECONCILER_LEASE_MS = 3_000
"""Each step of a pass renews the lease; a reconciler that died delays the next pass by this."""
LAST_RECONCILER_MS = 3_000
"""How long after a pass the other processes leave the next pass to the same process."""
REBUILD_BATCH_SIZE = 200
"""Users in one run of rebuild_chunk.lua, which blocks Redis for about 3 ms."""
MARK_LIFETIME_MS = 120_000
"""How long an index whose keys expire stays complete without a pass of the reconciler. Longer than
a pass may take, so that the rebuild of one index leaves the others complete."""


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


class IndexRebuild:
    """What only the reconciler does to rank indexes; raises RedisUnavailable.

    The mark of `main` of all time stays until a part of the index is lost. The marks of the other
    rankings expire unless a pass renews them. Without its mark an index counts as incomplete.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._state = read_script(client, "leaderboard", "index_state")
        self._begin = read_script(client, "leaderboard", "begin_rebuild")
        self._add_chunk = read_script(client, "leaderboard", "rebuild_chunk")
        self._mark_complete = read_script(client, "leaderboard", "mark_complete")
        self._renew_mark = read_script(client, "leaderboard", "renew_mark")
        self.reconciler_lease = RedisLease(client, keys.RECONCILER_LEASE, RECONCILER_LEASE_MS)
        """Held by the process that makes a pass."""
        self.last_reconciler = RedisLease(client, keys.LAST_RECONCILER, LAST_RECONCILER_MS)
        """Held by the process that made the last pass, which makes the next one too."""

    def state(self) -> IndexState:
        """Whether the index of `main` of all time is complete, and up to which moment."""
        with redis_errors():
            return _state(self._state(keys=_index_keys(MAIN_KEYS)))

    def marks(self, rankings: Sequence[Ranking]) -> list[Mark | None]:
        """The mark of each ranking, in one call; None: its index is incomplete."""
        calls = [(_index_keys(keys.of_ranking(ranking)), ()) for ranking in rankings]
        with redis_errors():
            return [_state(raised(reply)).mark for reply in self._state.call_batch(calls)]

    def renew_marks(self, rankings: Sequence[Ranking], mark: Mark) -> list[bool]:
        """Renew the marks of complete indexes in one call; False for an index that was lost."""
        calls: list[Call] = []
        for ranking in rankings:
            names = keys.of_ranking(ranking)
            arguments: list[str | int] = [*mark, MARK_LIFETIME_MS, names.lifetime_ms]
            calls.append(([*_index_keys(names), names.version], arguments))
        with redis_errors():
            return [bool(raised(reply)) for reply in self._renew_mark.call_batch(calls)]

    def lease_of(self, ranking: Ranking) -> RedisLease:
        """Held by the process that rebuilds the index of the ranking."""
        return RedisLease(
            self._client, keys.of_ranking(ranking).reconciler_lease, RECONCILER_LEASE_MS
        )

    def begin_rebuild(self, ranking: Ranking, token: str) -> bool:
        """Remove what is left of the index; False if the lease was lost."""
        names = keys.of_ranking(ranking)
        with redis_errors():
            return bool(
                self._begin(
                    keys=[names.reconciler_lease, *_index_keys(names)],
                    args=[token, names.lifetime_ms],
                )
            )

    def rebuild_chunk(
        self, ranking: Ranking, token: str, changes: Sequence[StandingChange]
    ) -> bool:
        """Add users to an index that is being rebuilt; False if the lease was lost."""
        found = keys.of_ranking(ranking)
        names = [found.reconciler_lease, found.scores, found.revisions]
        for start in range(0, len(changes), REBUILD_BATCH_SIZE):
            arguments: list[str | int] = [token, RECONCILER_LEASE_MS, found.lifetime_ms]
            for change in changes[start : start + REBUILD_BATCH_SIZE]:
                arguments += [change.user_id, change.score, change.revision]
            with redis_errors():
                if not self._add_chunk(keys=names, args=arguments):
                    return False
        return True

    def mark_complete(self, ranking: Ranking, token: str, mark: Mark) -> bool:
        """Record the mark; False, and nothing is recorded, if the lease or the index was lost."""
        names = keys.of_ranking(ranking)
        lifetime_ms = MARK_LIFETIME_MS if names.lifetime_ms else 0
        with redis_errors():
            return bool(
                self._mark_complete(
                    keys=[names.reconciler_lease, *_index_keys(names)],
                    args=[token, *mark, lifetime_ms],
                )
            )

    def unlink(self, rankings: Sequence[Ranking]) -> None:
        """Remove the indexes of rankings that are not read any more."""
        with redis_errors():
            for ranking in rankings:
                self._client.unlink(*_index_keys(keys.of_ranking(ranking)))


def _index_keys(names: RankingKeys) -> list[str]:
    return [names.scores, names.revisions, names.complete_until]


def _state(reply: list[str]) -> IndexState:
    now, *mark = reply
    return IndexState(int(now), Mark(*map(int, mark)) if mark else None)
