"""The scores of the current leaders over time, reduced to POINTS per player by the query."""

from __future__ import annotations

from sqlalchemy import Connection, text

from app.contract.standings import Score, Series, Standing
from app.storage.tables import ON_BOARD

# ruff: noqa: S608 - the parts are constants of this module

POINTS = 200
"""Maximum per player: the score at the beginning, one per bucket, and the current score."""
BUCKETS = POINTS - 2

_LAST_ACTION = (
    "SELECT created_at, score_after FROM actions WHERE user_id = leader.id AND board_id = 0 AND {}"
    " ORDER BY created_at DESC, id DESC LIMIT 1"
)
# One statement, so that leaders, scores and actions come from one snapshot. Each bucket is one
# probe of the index by user and time, so the cost does not depend on the number of actions.
# An action is counted at most a day after its token was issued, so the condition on issued_at lets
# PostgreSQL skip the partitions before. With the bucket's own bounds it would skip more, but the
# planner would then use the primary key.
_SERIES = text(
    "WITH span AS ("
    "  SELECT to_timestamp(:since / 1e6) AS since,"
    "  (to_timestamp(:until / 1e6) - to_timestamp(:since / 1e6)) / :buckets AS width"
    "), leader AS ("
    "  SELECT id, username, display_name, score, rank() OVER (ORDER BY -score) AS rank,"
    "  row_number() OVER (ORDER BY -score, reached_at, reached_action_id) AS row_number"
    f"  FROM (SELECT * FROM users WHERE {ON_BOARD}"
    "    ORDER BY -score, reached_at, reached_action_id LIMIT :leaders) AS top"
    ") SELECT leader.rank, leader.id::text, leader.username, leader.display_name, leader.score,"
    " coalesce(before.score_after, 0),"
    " (extract(epoch FROM last.created_at) * 1000000)::bigint, last.score_after"
    " FROM span CROSS JOIN leader"
    f" LEFT JOIN LATERAL ({_LAST_ACTION.format('created_at <= span.since')}) AS before ON true"
    " CROSS JOIN generate_series(0, :buckets - 1) AS bucket"
    " LEFT JOIN LATERAL ("
    + _LAST_ACTION.format(
        "created_at > span.since + bucket * span.width"
        " AND created_at <= span.since + (bucket + 1) * span.width"
        " AND issued_at > span.since - interval '24 hours'"
    )
    + ") AS last ON true ORDER BY leader.row_number, bucket"
)


def series(connection: Connection, since: int, until: int, leaders: int) -> tuple[Series, ...]:
    """The scores of the first `leaders` players; `since` and `until` in µs since 1970.

    For each player, the oldest first: the score at `since`, the last score of each bucket with an
    action, and the current score at `until`.
    """
    values = {"since": since, "until": until, "leaders": leaders, "buckets": BUCKETS}
    found: dict[Standing, list[Score]] = {}
    for rank, user_id, username, display_name, score, before, at, after in connection.execute(
        _SERIES, values
    ):
        standing = Standing(rank, user_id, username, display_name, score)
        points = found.setdefault(standing, [Score(since, before)])
        if at is not None:
            points.append(Score(at, after))
    return tuple(
        Series(standing, (*points, Score(until, standing.score)))
        for standing, points in found.items()
    )
