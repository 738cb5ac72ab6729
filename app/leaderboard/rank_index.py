"""The rank indexes in Redis: for each ranking a sorted set of scores and a hash of revisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import redis

from app.contract import keys
from app.contract.standings import OwnStanding, OwnStandings, Ranking
from app.storage.lua_script import Call, read_script
from app.storage.redis import redis_errors

SCAN_COUNT = 1_000


class ScorePlace(NamedTuple):
    """Where a score stands in a ranking."""

    rank: int
    """Competition rank: one more than the number of players with a better score."""
    players: int
    """The number of players with this score."""


class RankIndex:
    """Answers ranks in any ranking; raises RedisUnavailable.

    An index holds index scores, which are negative on boards where a low score is better.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._own_standings = read_script(client, "leaderboard", "own_standings")
        self._places = read_script(client, "leaderboard", "places")
        self._remove_user = read_script(client, "leaderboard", "remove_user")

    def places(self, ranking: Ranking, scores: Iterable[int]) -> dict[int, ScorePlace] | None:
        """Where each score stands; None while the index is incomplete."""
        wanted = list(scores)
        names, arguments = places_call(ranking, wanted)
        with redis_errors():
            return read_places(wanted, self._places(keys=names, args=arguments))

    def own_standings(self, ranking: Ranking, user_ids: Sequence[str]) -> OwnStandings | None:
        """Score and rank of each user, of a few hundred; None while the index is incomplete."""
        names = keys.of_ranking(ranking)
        index = [names.scores, names.revisions, names.complete_until, names.version]
        with redis_errors():
            reply = self._own_standings(keys=index, args=user_ids)
        if not reply:
            return None
        version, *pairs = reply
        own = (
            OwnStanding(int(score or 0), rank or None)
            for score, rank in zip(pairs[::2], pairs[1::2], strict=True)
        )
        return OwnStandings(int(version), tuple(own))

    def scores(self, ranking: Ranking) -> Iterator[tuple[str, int]]:
        """Every (user id, score) in the index, in no order."""
        name = keys.of_ranking(ranking).scores
        with redis_errors():
            for user_id, score in self._client.zscan_iter(name, count=SCAN_COUNT):
                yield user_id, int(score)

    def remove(self, ranking: Ranking, user_id: str) -> None:
        """Remove a user's score and revision, so that a change of any revision can be applied."""
        names = keys.of_ranking(ranking)
        with redis_errors():
            self._remove_user(keys=[names.scores, names.revisions], args=[user_id])


def places_call(ranking: Ranking, scores: Sequence[int]) -> Call:
    """The keys and arguments of places.lua."""
    names = keys.of_ranking(ranking)
    return [names.scores, names.revisions, names.complete_until], scores


def read_places(scores: Sequence[int], reply: Sequence[int]) -> dict[int, ScorePlace] | None:
    """What places.lua replied for these scores; None: the index is incomplete."""
    if not reply:
        return None
    _, *counts = reply
    pairs = zip(scores, counts[::2], counts[1::2], strict=True)
    return {score: ScorePlace(higher + 1, players) for score, higher, players in pairs}
