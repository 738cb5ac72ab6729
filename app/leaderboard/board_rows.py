"""The board read from PostgreSQL: pages by order key, and players counted by score."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from app.contract.standings import OrderKey
from app.storage.tables import ON_BOARD

# ruff: noqa: S608 - the parts are constants of this module

MAX_CANDIDATES = 2_000
"""Users whose row one search reads by each kind of name. Those not on the board count too."""

_COLUMNS = (
    "id::text, username, display_name, score,"
    " (extract(epoch FROM reached_at) * 1000000)::bigint, reached_action_id, revision"
)
_SELECT = f"SELECT {_COLUMNS} FROM users WHERE {ON_BOARD}"
_ORDER_KEY = "(-score, reached_at, reached_action_id)"
_GIVEN = "(-CAST(:score AS bigint), to_timestamp(:reached_at / 1e6), :action_id)"
_DOWN = "ORDER BY -score, reached_at, reached_action_id LIMIT :limit"
_UP = "ORDER BY -score DESC, reached_at DESC, reached_action_id DESC LIMIT :limit"

_TOP = text(f"{_SELECT} {_DOWN}")
_AFTER = text(f"{_SELECT} AND {_ORDER_KEY} > {_GIVEN} {_DOWN}")
_BEFORE = text(f"{_SELECT} AND {_ORDER_KEY} < {_GIVEN} {_UP}")
_OF_USER = text(f"{_SELECT} AND id = :user_id")
# The expression of the index users_username_key_c, so that the index gives the range and the order.
_KEY = 'lower(username COLLATE "C")'
# The tilde follows every character that a username may have. A range has no wildcards. The row
# after the last candidate is in the result, so that the caller knows that there are more.
_BY_NAME = text(
    f"SELECT number, {_COLUMNS} FROM (SELECT *, {_KEY} AS key,"
    f" row_number() OVER (ORDER BY {_KEY}) AS number FROM users"
    f" WHERE {_KEY} >= :prefix AND {_KEY} < :prefix || '~'"
    f" ORDER BY {_KEY} LIMIT :candidates + 1) AS candidate"
    f" WHERE number > :candidates OR {ON_BOARD} ORDER BY key LIMIT :limit + 1"
)
# U+10FFFF is no character, so it follows those of every name. OFFSET 0 makes PostgreSQL look each
# user up, which it would exchange for a join that reads all users. If several words of a name
# match, the smallest key counts; left() can't use the index of keys, so only the user's are read.
_BY_DISPLAY_NAME = text(
    f"SELECT number, {_COLUMNS} FROM (SELECT user_id, key,"
    " row_number() OVER (ORDER BY key, user_id) AS number FROM display_name_keys"
    " WHERE key >= name_key(:prefix) AND key < name_key(:prefix) || U&'\\+10FFFF'"
    " ORDER BY key, user_id LIMIT :candidates + 1) AS candidate,"
    " LATERAL (SELECT * FROM users WHERE id = user_id OFFSET 0) AS player"
    f" WHERE number > :candidates OR ({ON_BOARD}"
    f" AND starts_with({_KEY}, :username_prefix) IS NOT TRUE"
    " AND key = (SELECT min(other.key) FROM display_name_keys other WHERE other.user_id = id"
    " AND left(other.key, length(name_key(:prefix))) = name_key(:prefix)))"
    " ORDER BY candidate.key, candidate.user_id LIMIT :limit + 1"
)
_COUNT = text(f"SELECT count(*) FROM users WHERE {ON_BOARD}")
_BY_SCORE = text(f"SELECT score, count(*) FROM users WHERE {ON_BOARD} GROUP BY score")


@dataclass(frozen=True)
class BoardRow:
    """A user on the board with the order key, but without a rank."""

    user_id: str
    username: str
    display_name: str
    position: OrderKey
    revision: int


def top(connection: Connection, limit: int) -> list[BoardRow]:
    """The first rows of the board."""
    return _rows(connection.execute(_TOP, {"limit": limit}))


def after(connection: Connection, position: OrderKey, limit: int) -> list[BoardRow]:
    """The rows after an order key, the nearest first."""
    return _rows(connection.execute(_AFTER, _at(position, limit)))


def before(connection: Connection, position: OrderKey, limit: int) -> list[BoardRow]:
    """The rows before an order key, in the order of the board."""
    return _rows(connection.execute(_BEFORE, _at(position, limit)))[::-1]


def of_user(connection: Connection, user_id: str) -> BoardRow | None:
    """The row of the user; None if the user is not on the board."""
    rows = _rows(connection.execute(_OF_USER, {"user_id": user_id}))
    return rows[0] if rows else None


def by_username(
    connection: Connection, prefix: str, limit: int, max_candidates: int = MAX_CANDIDATES
) -> tuple[list[BoardRow], bool]:
    """At most `limit` rows whose username begins with a prefix, by username; whether more may.

    `prefix` is a username_key. The index is read up to `max_candidates` users.
    """
    values = {"prefix": prefix, "limit": limit, "candidates": max_candidates}
    return _found(connection.execute(_BY_NAME, values).all(), limit, max_candidates)


def by_display_name(
    connection: Connection,
    prefix: str,
    username_prefix: str | None,
    limit: int,
    max_candidates: int = MAX_CANDIDATES,
) -> tuple[list[BoardRow], bool]:
    """Users with a word of the display name that begins with a prefix, by the name from it on.

    Leaves out the users that `by_username` finds by `username_prefix`. The second value is True if
    more users may match, as in `by_username`.
    """
    values = {"prefix": prefix, "limit": limit, "candidates": max_candidates}
    values |= {"username_prefix": username_prefix}
    return _found(connection.execute(_BY_DISPLAY_NAME, values).all(), limit, max_candidates)


def count(connection: Connection) -> int:
    """The number of players on the board."""
    return int(connection.execute(_COUNT).scalar_one())


def players_by_score(connection: Connection) -> list[tuple[int, int]]:
    """(score, number of players with it); reads all players, in 0.1 s per million."""
    return [(score, number) for score, number in connection.execute(_BY_SCORE)]


def _found(
    result: Sequence[Sequence[Any]], limit: int, max_candidates: int
) -> tuple[list[BoardRow], bool]:
    """The rows of a search, whose first column numbers the candidates; whether more may match."""
    rows = _rows(row for number, *row in result[:limit] if number <= max_candidates)
    return rows, len(result) > len(rows)


def _at(position: OrderKey, limit: int) -> dict[str, int]:
    return {
        "score": position.score,
        "reached_at": position.reached_at,
        "action_id": position.action_id,
        "limit": limit,
    }


def _rows(result: Iterable[Sequence[Any]]) -> list[BoardRow]:
    return [
        BoardRow(user_id, username, display_name, OrderKey(score, reached_at, action_id), revision)
        for user_id, username, display_name, score, reached_at, action_id, revision in result
    ]
