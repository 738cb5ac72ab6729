"""Where a token becomes a point: the one transaction of an increment (flow 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from app.contract.errors import DatabaseUnavailable
from app.gathering import APART, Answers, SharedCall
from app.stores.database import Database
from app.stores.ledger import Change

CountRefusal = Literal["unknown", "banned", "expired"]

COUNT = "SELECT * FROM count_action(%(user_id)s, %(issued_at)s, %(nonce)s, %(lifetime)s)"
# Users are locked in the order of their ids, and whom somebody else has locked is left out: so two
# of these can't wait for each other, and nobody here waits for another one's player.
_COUNT_TOGETHER = (
    "SELECT asked.place, counted.* FROM ("
    "  SELECT token.* FROM"
    "    unnest(%(user_ids)s::uuid[], %(issued_at)s::bigint[], %(nonces)s::uuid[])"
    "    WITH ORDINALITY AS token(user_id, issued_at, nonce, place)"
    "  JOIN users ON users.id = token.user_id ORDER BY token.user_id"
    "  FOR NO KEY UPDATE OF users SKIP LOCKED"
    ") AS asked, count_action(user_id, issued_at, nonce, %(lifetime)s) AS counted"
)
_ERRORS_OF_THE_SERVER = ("08", "25", "53", "55", "57", "58")
"""Classes of SQLSTATE that say nothing of the statement: PostgreSQL itself is in trouble, or slow.
(PostgreSQL's documentation, appendix A.)"""


class Counting(NamedTuple):
    """A token that is counted, by this call or by an earlier one."""

    change: Change
    """The user as the index has to know them."""
    first_score: int | None
    """The score after the action, where an earlier call counted it."""


class _Token(NamedTuple):
    user_id: str
    issued_at: int
    nonce: str


class Counter:
    """Counts each token once, in one transaction for all that come side by side."""

    def __init__(self, database: Database, lifetime: int) -> None:
        """`lifetime` of a token in ms."""
        self._database = database
        self._lifetime = lifetime
        self._ask = SharedCall(self._count_together)

    def count(self, user_id: str, issued_at: int, nonce: str) -> Counting | CountRefusal:
        """Write the token's action and add its point; issued_at in ms.

        The function count_action locks the user's row, and only then looks whether the user is
        banned, whether the token was counted before, and, by PostgreSQL's clock, whether it is too
        old; who is refused leaves nothing written. Raises DatabaseUnavailable.
        """
        verdict, first_score, *change = self._ask(_Token(user_id, issued_at, nonce))
        if verdict in ("counted", "used"):
            return Counting(Change(user_id, *change), first_score)
        refusal: CountRefusal = verdict
        return refusal

    def _count_together(self, tokens: Sequence[_Token]) -> Answers[tuple[Any, ...]]:
        if len(tokens) == 1:
            values = tokens[0]._asdict() | {"lifetime": self._lifetime}
            return self._database.call(COUNT, values)
        values = {
            "user_ids": [token.user_id for token in tokens],
            "issued_at": [token.issued_at for token in tokens],
            "nonces": [token.nonce for token in tokens],
            "lifetime": self._lifetime,
        }
        try:
            rows = self._database.call(_COUNT_TOGETHER, values)
        except DatabaseUnavailable as failure:
            if _is_of_the_statement(failure):
                # It was rolled back, for one of them perhaps.
                return [APART] * len(tokens)
            raise
        # Who isn't there was locked, was in here twice, or is no user.
        answers = {place: tuple(row) for place, *row in rows}
        return [answers.get(place, APART) for place in range(1, len(tokens) + 1)]


def _is_of_the_statement(failure: DatabaseUnavailable) -> bool:
    state = getattr(failure.__cause__, "pgcode", None)
    return state is not None and not state.startswith(_ERRORS_OF_THE_SERVER)
