"""Applies committed changes to the rank indexes and announces them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import redis

from app.concurrency.batching import BatchedCall
from app.contract import keys
from app.contract.channels import ScoreUpdate, score_update_channel
from app.contract.standings import MAIN_RANKING, MAX_VERSION_LEAD_MS, Ranking
from app.leaderboard.rank_index import ScorePlace, places_call, read_places
from app.ledger.action_rows import StandingChange
from app.storage.lua_script import Call, LuaScript, call_scripts, raised, read_script
from app.storage.redis import channel, redis_errors
from app.storage.wal import WalPosition


class RankingChanges(NamedTuple):
    """Committed changes of one ranking."""

    ranking: Ranking
    changes: Sequence[StandingChange]
    seen_version: int
    """The highest version of the board and period that the caller has seen."""


class ApplyResult(NamedTuple):
    """Result of one run of apply.lua."""

    ranking: Ranking
    applied_changes: int
    version: int
    version_raised: bool
    """Whether the top ten may have changed; if so the version was raised."""


class AppliedPoint(NamedTuple):
    """Result of applying one act of a player."""

    batch: ApplyResult
    """Result of the batch that the act was applied in, for the first of the act's rankings."""
    rank: int | None
    """Competition rank of the player's score there; None while that index is incomplete."""
    results: Sequence[ApplyResult]
    """Results for all rankings of the batch."""


class AppliedBatch(NamedTuple):
    """Result of applying changes of several rankings."""

    results: Sequence[ApplyResult]
    places: Mapping[Ranking, Mapping[int, ScorePlace]]
    """Where scores stand, without the rankings whose index is incomplete."""


class _Merged:
    """The changes that the points of a batch make in one ranking, and the reply of Redis."""

    def __init__(self, ranking: Ranking) -> None:
        self.ranking = ranking
        self.changes: list[StandingChange] = []
        self.seen_version = 0
        self.with_ranks = False
        self.result = ApplyResult(ranking, 0, 0, version_raised=False)
        self.ranks: list[int] = []


class IndexChanges:
    """Writes to the rank indexes; raises RedisUnavailable.

    Only BoardPublisher calls it, because a change that is not published does not reach the board
    caches of the processes. Each call makes one round trip for all rankings.
    """

    def __init__(
        self,
        client: redis.Redis,
        position_after_commits: Callable[[], WalPosition | None] | None = None,
    ) -> None:
        """`position_after_commits` is needed only if boards are read from a replica."""
        self._client = client
        self._position_after_commits = position_after_commits
        self._invalidation_channel = channel(client, keys.CACHE_INVALIDATE)
        self._script = read_script(client, "leaderboard", "apply")
        self._places = read_script(client, "leaderboard", "places")
        self._apply_point = BatchedCall(self._apply_points)

    def apply(
        self,
        batch: Sequence[RankingChanges],
        *,
        raise_version: bool = False,
        scores: Mapping[Ranking, Sequence[int]] | None = None,
    ) -> AppliedBatch:
        """Apply the changes that are newer than the indexes have, and announce the versions.

        `scores`: index scores; where each one stands after the changes is read too.
        """
        position = self._commit_position()
        calls: list[tuple[LuaScript, Call]] = [
            (self._script, self._call(each, raise_version=raise_version, position=position))
            for each in batch
        ]
        asked = dict(scores or {})
        calls += [(self._places, places_call(ranking, asked[ranking])) for ranking in asked]
        replies = _replies(calls)
        results = [
            _result(each.ranking, reply) for each, reply in zip(batch, replies, strict=False)
        ]
        places: dict[Ranking, dict[int, ScorePlace]] = {}
        for ranking, reply in zip(asked, replies[len(batch) :], strict=True):
            found = read_places(asked[ranking], reply)
            if found is not None:
                places[ranking] = found
        return AppliedBatch(results, places)

    def apply_point(self, changes: Sequence[RankingChanges]) -> AppliedPoint:
        """Apply the changes that one act made, in one call with those of the same batch.

        Each of `changes` has one change. The first is the one whose rank is needed.
        """
        return self._apply_point(changes)

    def confirm_position(self, rankings: Sequence[Ranking]) -> None:
        """Record a WAL position that is behind all commits, also those never announced to Redis.

        Does nothing if no replica is read.
        """
        position = self._commit_position()
        if position is None:
            return
        calls = []
        for ranking in rankings:
            nothing = RankingChanges(ranking, (), 0)
            call = self._call(nothing, position=position, position_confirmed=True)
            calls.append((self._script, call))
        _replies(calls)

    def announce(self, ranking: Ranking, update: ScoreUpdate) -> None:
        """Announce a change that has been applied, with what a viewer has to know of it."""
        name = channel(self._client, score_update_channel(ranking.watched))
        with redis_errors():
            self._client.publish(name, update.dump())

    def _commit_position(self) -> WalPosition | None:
        """A position behind all commits before this call; None if no replica is read."""
        return self._position_after_commits() if self._position_after_commits else None

    def _apply_points(self, points: Sequence[Sequence[RankingChanges]]) -> list[AppliedPoint]:
        merged: dict[Ranking, _Merged] = {}
        firsts: list[tuple[_Merged, int]] = []
        """For each point its first ranking, and the index of its change there."""
        batch = None
        for point in points:
            for part, (ranking, changes, version) in enumerate(point):
                # The points of most batches are all of one ranking.
                if batch is None or batch.ranking is not ranking:
                    batch = merged.setdefault(ranking, _Merged(ranking))
                if part == 0:
                    batch.with_ranks = True
                    firsts.append((batch, len(batch.changes)))
                batch.changes.extend(changes)
                batch.seen_version = max(batch.seen_version, version)
        position = self._commit_position()
        calls: list[tuple[LuaScript, Call]] = []
        for batch in merged.values():
            made = RankingChanges(batch.ranking, batch.changes, batch.seen_version)
            call = self._call(made, with_ranks=batch.with_ranks, position=position)
            calls.append((self._script, call))
        for batch, reply in zip(merged.values(), _replies(calls), strict=True):
            batch.result = _result(batch.ranking, reply)
            # Empty while the index is incomplete.
            batch.ranks = [higher + 1 for higher in reply[3:]]
        results = [batch.result for batch in merged.values()]
        return [
            AppliedPoint(batch.result, batch.ranks[index] if batch.ranks else None, results)
            for batch, index in firsts
        ]

    def _call(
        self,
        batch: RankingChanges,
        *,
        raise_version: bool = False,
        with_ranks: bool = False,
        position: WalPosition | None = None,
        position_confirmed: bool = False,
    ) -> Call:
        names = keys.of_ranking(batch.ranking)
        is_main = batch.ranking == MAIN_RANKING
        arguments: list[str | int] = [
            int(raise_version),
            batch.seen_version,
            max((change.changed_at for change in batch.changes), default=0) // 1000,
            channel(self._client, score_update_channel(batch.ranking.watched)),
            # Processes cache no other board.
            self._invalidation_channel if is_main else "",
            position.dump() if position else "",
            int(position_confirmed),
            int(with_ranks),
            MAX_VERSION_LEAD_MS,
            names.lifetime_ms,
        ]
        for user_id, score, revision, reached_at, _, listed, *names_of_user in batch.changes:
            arguments += [user_id, score, int(listed), reached_at, revision, *names_of_user]
        index = [names.scores, names.revisions, names.complete_until]
        return [*index, names.version, names.last_board, names.cached_board], arguments


def _replies(calls: Sequence[tuple[LuaScript, Call]]) -> list[Any]:
    with redis_errors():
        return [raised(reply) for reply in call_scripts(calls)]


def _result(ranking: Ranking, reply: Sequence[Any]) -> ApplyResult:
    applied, version, raised = reply[:3]
    return ApplyResult(ranking, applied, int(version), bool(raised))
