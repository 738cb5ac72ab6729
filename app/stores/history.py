"""The scores of the present leaders over time, thinned where they are read (the actions table)."""

from __future__ import annotations

from sqlalchemy import Connection, text

from app.contract.standings import Score, Series, Standing
from app.stores.tables import ON_BOARD

# ruff: noqa: S608 - the parts are constants of this module

POINTS = 200
"""At most so many of each player: the score at the beginning, one a bucket, the present one."""
BUCKETS = POINTS - 2

_LAST_ACTION = (
    "SELECT created_at, score_after FROM actions WHERE user_id = leader.id AND {}"
    " ORDER BY created_at DESC, id DESC LIMIT 1"
)
# One statement, so that leaders, scores and actions are of one snapshot. Each bucket is one probe
# of the index by user and time: the work is the same for ten actions of a leader and a million.
# The time of issue, a day earlier at most, leaves the months before alone; a bucket's own bounds on
# it would leave more, but the planner then takes the primary key for a help.
_SERIES = text(
    "WITH span AS ("
    "  SELECT to_timestamp(:since / 1e6) AS since,"
    "  (to_timestamp(:until / 1e6) - to_timestamp(:since / 1e6)) / :buckets AS width"
    "), leader AS ("
    "  SELECT id, username, display_name, score, rank() OVER (ORDER BY -score) AS rank,"
    "  row_number() OVER (ORDER BY -score, reached_at, reached_action_id) AS place"
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
    + ") AS last ON true ORDER BY leader.place, bucket"
)


def series(connection: Connection, since: int, until: int, leaders: int) -> tuple[Series, ...]:
    """The scores of the first `leaders` over that time, in µs since 1970.

    Of each the oldest first: the score at `since`, the last one of each bucket in which there was
    an action, and the present score at `until`.
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
