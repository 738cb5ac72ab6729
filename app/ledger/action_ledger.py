"""Counts tokens as points: the transaction of an increment (flow 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from app.boards.board import MAIN_ID, MAIN_KEY, Board
from app.concurrency.batching import RETRY_LATER, Answers, BatchedCall
from app.concurrency.circuit_breaker import CircuitBreaker
from app.contract.errors import DatabaseUnavailable
from app.contract.standings import MAIN_RANKING
from app.ledger import standing_rows
from app.ledger.action_rows import StandingChange
from app.ledger.standing_rows import RankingChange
from app.storage.database import LOCK_TIMEOUT, CircuitOpen, Database
from app.storage.pooled_connections import sql_state

CountRefusal = Literal["unknown", "banned", "expired", "not_open"]

COUNT = (
    "SELECT * FROM count_token(%(user_id)s, %(issued_at)s, %(nonce)s, %(lifetime)s, %(board_id)s)"
)
# Users are locked in the order of their ids. Users that another transaction has locked are left
# out, and so are the tokens of a board whose clock is being changed. So two batches can't wait for
# each other, and no request waits for another one's user or board. A second token of the same user
# would be left out too.
_COUNT_BATCH = (
    "SELECT asked.position, counted.*, username, display_name FROM ("
    "  SELECT token.*, username, display_name FROM"
    "    unnest(%(user_ids)s::uuid[], %(issued_at)s::bigint[], %(nonces)s::uuid[],"
    "      %(board_ids)s::integer[])"
    "    WITH ORDINALITY AS token(user_id, issued_at, nonce, board_id, position)"
    "  JOIN users ON users.id = token.user_id WHERE try_lock_clock(token.board_id)"
    "  ORDER BY token.user_id"
    "  FOR NO KEY UPDATE OF users SKIP LOCKED"
    ") AS asked, count_token(user_id, issued_at, nonce, %(lifetime)s, board_id) AS counted"
)
_IS_EARLY = (
    "SELECT %(issued_at)s > extract(epoch FROM clock_timestamp()) * 1000 + %(lifetime)s"
    " AND NOT EXISTS (SELECT FROM actions"
    "   WHERE issued_at = to_timestamp(%(issued_at)s / 1000.0) AND nonce = %(nonce)s)"
)
_KNOWN = "SELECT id::text FROM users WHERE id = ANY(%(user_ids)s::uuid[])"
_NAMES_NOT_READ = ("", "")
"""The row of a player that the statement does not lock may have older names than the player."""
_UNKNOWN = ("unknown", None, None, None, None, None, None, *_NAMES_NOT_READ)
_SERVER_STATES = ("08", "25", "53", "55", "57", "58")
"""Classes of SQLSTATE for problems of PostgreSQL itself, not of the statement.
(PostgreSQL's documentation, appendix A.)"""
_TABLE_LOCKED = (LOCK_TIMEOUT, "57014")
"""A statement of a batch waits for no row, so its time limits mean that a table is locked."""


class CountedToken(NamedTuple):
    """A token that was counted, by this call or by an earlier one."""

    changes: tuple[RankingChange, ...]
    """The player's present standings in the board's periods, in their order. After a repeated token
    some may be missing, because a period has begun since."""
    first_score: int | None
    """The score after the action, if an earlier call counted the token."""


class PlayerLocked(Exception):
    """Another transaction held the lock of the player or the board's clock for too long."""


class _Token(NamedTuple):
    user_id: str
    issued_at: int
    nonce: str
    board_id: int


class ActionLedger:
    """Counts each token once, in one transaction for all requests of a batch."""

    def __init__(self, database: Database, lifetime_ms: int) -> None:
        self._database = database
        self._lifetime_ms = lifetime_ms
        self._record = BatchedCall(self._record_batch, self._record_alone, _player_locked)
        self._tables = CircuitBreaker()

    def record(
        self, user_id: str, issued_at: int, nonce: str, board: Board | None = None
    ) -> CountedToken | CountRefusal:
        """Write the token's action and add its point; issued_at in ms since 1970.

        `board`: None is `main`. The function count_token locks the user's row first. Then it checks
        whether the user is banned, whether the board is archived, whether the token was counted
        before, and by PostgreSQL's clock whether it is too old. A refusal writes nothing. Raises
        DatabaseUnavailable.
        """
        key, board_id = (board.settings.key, board.id) if board else (MAIN_KEY, MAIN_ID)
        answer = self._record(_Token(user_id, issued_at, nonce, board_id))
        verdict, first_score, score, revision, reached_at, changed_at, others, *names = answer
        if verdict in ("counted", "used"):
            changes = [
                standing_rows.change_from_json(key, user_id, each, names) for each in others or ()
            ]
            if board_id == MAIN_ID:
                standing = (user_id, score, revision, reached_at, changed_at, score > 0)
                changes.insert(0, RankingChange(MAIN_RANKING, StandingChange(*standing, *names)))
            return CountedToken(tuple(changes), first_score)
        refusal: CountRefusal = verdict
        return refusal

    def is_early(self, issued_at: int, nonce: str) -> bool:
        """Whether a token was issued in the future by PostgreSQL's clock, and was never counted.

        More than a lifetime in the future, because the clock that the token's time comes from may
        be ahead. Raises DatabaseUnavailable.
        """
        values = {"issued_at": issued_at, "nonce": nonce, "lifetime": self._lifetime_ms}
        ((early,),) = self._database.query(_IS_EARLY, values)
        return bool(early)

    def _record_alone(self, token: _Token) -> tuple[Any, ...]:
        (row,) = self._database.call(COUNT, token._asdict() | {"lifetime": self._lifetime_ms})
        return (*row, *_NAMES_NOT_READ)

    def _record_batch(self, tokens: Sequence[_Token]) -> Answers[tuple[Any, ...]]:
        answers: list[Any] = [RETRY_LATER] * len(tokens)
        remaining = list(range(len(tokens)))
        while remaining:
            # One token of each user.
            positions = list({tokens[at].user_id: at for at in reversed(remaining)}.values())
            counted = self._count([tokens[at] for at in positions])
            for at, answer in zip(positions, counted, strict=True):
                answers[at] = answer
            locked = {tokens[at].user_id for at in positions if answers[at] is RETRY_LATER}
            remaining = [
                at for at in remaining if at not in positions and tokens[at].user_id not in locked
            ]
        return answers

    def _count(self, tokens: Sequence[_Token]) -> Answers[tuple[Any, ...]]:
        """The answers for tokens of different users, counted in one transaction."""
        try:
            answers = self._count_free(tokens)
        except DatabaseUnavailable as failure:
            if len(tokens) == 1 or not _is_statement_error(failure):
                # Not raised, because tokens of an earlier statement may have been counted.
                return [failure] * len(tokens)
            # The batch was rolled back, perhaps because of one token.
            return [answer for token in tokens for answer in self._count([token])]
        missing = [
            token.user_id for token, answer in zip(tokens, answers, strict=True) if not answer
        ]
        known = self._known(missing) if missing else set()
        return [
            answer or (RETRY_LATER if token.user_id in known else _UNKNOWN)
            for token, answer in zip(tokens, answers, strict=True)
        ]

    def _count_free(self, tokens: Sequence[_Token]) -> list[tuple[Any, ...] | None]:
        """The answers for the tokens whose users no other transaction has locked, else None."""
        if not self._tables.allows_call():
            raise DatabaseUnavailable() from CircuitOpen("a table was locked a moment ago")
        values = {
            "user_ids": [token.user_id for token in tokens],
            "issued_at": [token.issued_at for token in tokens],
            "nonces": [token.nonce for token in tokens],
            "board_ids": [token.board_id for token in tokens],
            "lifetime": self._lifetime_ms,
        }
        try:
            rows = self._database.call(_COUNT_BATCH, values)
        except DatabaseUnavailable as failure:
            if sql_state(failure.__cause__) in _TABLE_LOCKED:
                self._tables.trip()
            else:
                self._tables.fail_probe()
            raise
        self._tables.close()
        answers = {position: tuple(row) for position, *row in rows}
        return [answers.get(position) for position in range(1, len(tokens) + 1)]

    def _known(self, user_ids: Sequence[str]) -> set[str]:
        """Which of the users may exist; the others were not skipped because of a lock."""
        try:
            found = self._database.query(_KNOWN, {"user_ids": user_ids})
        except DatabaseUnavailable:
            return set(user_ids)
        return {user_id for (user_id,) in found}


def _is_statement_error(failure: DatabaseUnavailable) -> bool:
    state = sql_state(failure.__cause__)
    return state is not None and not state.startswith(_SERVER_STATES)


def _player_locked() -> DatabaseUnavailable:
    error = DatabaseUnavailable()
    error.__cause__ = PlayerLocked("the player's row or the clock of the board stayed locked")
    return error
