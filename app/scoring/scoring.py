"""Scoring: issues action tokens and counts each spent token exactly once (flows 3 and 4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Literal, NamedTuple, ParamSpec, TypeVar

import structlog

from app.accounts.sessions import Sessions
from app.boards.board import MAIN_KEY, Board
from app.boards.known_boards import MAX_AGE_SECONDS, KnownBoards
from app.contract.errors import (
    AuthInvalid,
    BoardNotOpen,
    DatabaseUnavailable,
    DomainError,
    Forbidden,
    NotFound,
    RateLimited,
    RedisUnavailable,
    SessionRevoked,
    TokenExpired,
    TokenInvalid,
    TokenUsed,
    UserBanned,
)
from app.contract.identity import Identity
from app.contract.limits import RateLimitStatus
from app.contract.standings import Outcome
from app.fraud.judge import Judge
from app.ledger.action_ledger import ActionLedger, CountedToken
from app.metrics.counters import INCREMENTS, TOKENS_ISSUED, TOKENS_REFUSED
from app.scoring.action_tokens import ActionToken, ActionTokenCodec
from app.scoring.admission import AccessDenied, Admission, AdmissionStore, Attempt
from app.scoring.error_warnings import ErrorWarnings
from app.scoring.point_outcomes import PointOutcomes

P = ParamSpec("P")
Result = TypeVar("Result")
log = structlog.stdlib.get_logger(__name__)


class IssuedToken(NamedTuple):
    """An action token as the client gets it."""

    text: str
    rate_limit: RateLimitStatus
    flagged: bool
    """Whether the user is flagged by the fraud rules or a moderator."""


class Increment(NamedTuple):
    """A counted increment."""

    outcome: Outcome
    rate_limit: RateLimitStatus
    flagged: bool
    """Whether the user is flagged by the fraud rules or a moderator."""


def _count_refusals(
    purpose: Literal["issue", "spend"],
) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """Counts the refusals of a method by their code in /metrics."""

    def decorate(method: Callable[P, Result]) -> Callable[P, Result]:
        @wraps(method)
        def counted(*args: P.args, **kwargs: P.kwargs) -> Result:
            try:
                return method(*args, **kwargs)
            except DomainError as error:
                TOKENS_REFUSED.labels(act=purpose, reason=error.code).inc()
                raise

        return counted

    return decorate


class Scoring:
    """Admits an attempt in Redis, counts it in PostgreSQL, then publishes the new score."""

    def __init__(
        self,
        ledger: ActionLedger,
        admission: AdmissionStore,
        judge: Judge,
        tokens: ActionTokenCodec,
        sessions: Sessions,
        boards: KnownBoards,
        outcomes: PointOutcomes,
    ) -> None:
        self._ledger = ledger
        self._admission = admission
        self._judge = judge
        self._tokens = tokens
        self._sessions = sessions
        self._boards = boards
        self._outcomes = outcomes

    @_count_refusals("issue")
    def issue_token(
        self, identity: Identity, address: str = "", board_key: str = MAIN_KEY
    ) -> IssuedToken:
        """A token for one point on a board; `address` is the client's address.

        Raises NotFound, Forbidden (only a service scores on the board), BoardNotOpen, RateLimited,
        SessionRevoked, UserBanned, RedisUnavailable and DatabaseUnavailable.
        """
        user_id, session_id = identity.user_id, identity.session_id
        nonce = self._tokens.new_nonce()
        try:
            self._check_board(board_key)
        except (NotFound, Forbidden, BoardNotOpen):
            attempt = Attempt(user_id, session_id, "token", "refuse", nonce)
            with ErrorWarnings(flagged=self._admit(identity, attempt, address).flagged):
                raise
        attempt = Attempt(user_id, session_id, "token", "issue", nonce)
        admitted = self._admit(identity, attempt, address)
        token = ActionToken(user_id, admitted.issued_at, nonce, board_key)
        text = self._tokens.encode(token)
        TOKENS_ISSUED.inc()
        return IssuedToken(text, admitted.rate_limit, admitted.flagged)

    @_count_refusals("spend")
    def increment(self, identity: Identity, token_text: str, address: str = "") -> Increment:
        """Spend a token for one point.

        A client that gets no answer repeats the same token until the answer is success, TokenUsed
        (with the first result) or TokenExpired; these three are final. Also raises TokenInvalid,
        RateLimited (the request did not spend the token), BoardNotOpen, SessionRevoked, UserBanned,
        RedisUnavailable and DatabaseUnavailable.
        """
        user_id, session_id = identity.user_id, identity.session_id
        try:
            token = self._tokens.decode(token_text, user_id)
        except TokenInvalid:
            nonce = self._tokens.new_nonce()
            attempt = Attempt(user_id, session_id, "increment", "refuse", nonce)
            with ErrorWarnings(flagged=self._admit(identity, attempt, address).flagged):
                raise
        attempt = Attempt(user_id, session_id, "increment", "spend", token.nonce, token.issued_at)
        admitted = self._admit(identity, attempt, address)
        try:
            with ErrorWarnings(flagged=admitted.flagged):
                outcome = self._spend(identity, token, admitted)
        except DatabaseUnavailable:
            self._forget_repeat(user_id, admitted)
            raise
        return Increment(outcome, admitted.rate_limit, admitted.flagged)

    def _spend(self, identity: Identity, token: ActionToken, admitted: Admission) -> Outcome:
        """Count the token and publish the point; raises as increment does."""
        if token.issued_at > admitted.window.now:
            self._refuse_early(token)
        # Boards are never deleted, so the board of a signed token exists.
        board = None if token.board == MAIN_KEY else self._boards.find(token.board)
        recorded = self._record(identity, token, board)
        outcome = self._outcomes.publish(recorded, board)
        if recorded.first_score is not None:
            raise TokenUsed(outcome._replace(score=recorded.first_score))
        return outcome

    def _forget_repeat(self, user_id: str, admitted: Admission) -> None:
        """Do not count a repeat that PostgreSQL could not answer: its client repeats it."""
        try:
            self._admission.forget_repeat(user_id, admitted.window.now)
        except RedisUnavailable:
            # It expires.
            log.warning("repeat_not_forgotten", user=user_id)

    def _admit(self, identity: Identity, attempt: Attempt, address: str) -> Admission:
        """Admit and judge the attempt; a ban takes precedence over the rate limit."""
        admission = self._admission.admit(attempt)
        if isinstance(admission, AccessDenied) and admission.reason == "unknown":
            self._sessions.load_into_cache(identity)
            admission = self._admission.admit(attempt)
        if isinstance(admission, AccessDenied):
            raise _error_of(admission)
        with ErrorWarnings(flagged=admission.flagged):
            verdict = self._judge.judge(identity.user_id, attempt.kind, admission.window, address)
        if verdict == "BAN":
            raise UserBanned(self._sessions.ban_of(identity))
        flagged = admission.flagged or verdict == "FLAG"
        if admission.verdict == "limited":
            raise RateLimited(admission.rate_limit, flagged=flagged)
        return admission if flagged == admission.flagged else admission._replace(flagged=flagged)

    def _refuse_early(self, token: ActionToken) -> None:
        """Raise TokenInvalid if PostgreSQL also finds that the token was issued in the future.

        The secret has leaked then, or a clock is wrong. If only Redis' clock was set back, the
        token may count or may have been counted.
        """
        if self._ledger.is_early(token.issued_at, token.nonce):
            raise TokenInvalid()

    def _check_board(self, key: str) -> None:
        """Raise unless players may score on the board."""
        if key == MAIN_KEY:
            return
        board = self._boards.find(key)
        if board.settings.scored_by != "players":
            raise Forbidden("Only a service key scores on this board")
        # The board may be a second old, so one that opens within this time has tokens already.
        soon = board.read_at + timedelta(seconds=MAX_AGE_SECONDS)
        if board.archived_at or "open" not in {
            board.clock.state_at(board.read_at),
            board.clock.state_at(soon),
        }:
            raise _not_open(board)

    def _record(self, identity: Identity, token: ActionToken, board: Board | None) -> CountedToken:
        """Count the token in one transaction; raises if it is not and will not be counted.

        Only PostgreSQL decides whether a token was used, whatever Redis has stored about it.
        """
        recorded = self._ledger.record(token.user_id, token.issued_at, token.nonce, board)
        match recorded:
            case "unknown":
                raise AuthInvalid()
            case "banned":
                raise UserBanned(self._sessions.ban_of(identity))
            case "expired":
                raise TokenExpired()
            case "not_open":
                raise _not_open(board)
        if recorded.first_score is None:
            INCREMENTS.inc()
        return recorded


def _not_open(board: Board | None) -> BoardNotOpen:
    return BoardNotOpen(details=board.clock.as_json() if board else None)


def _error_of(denied: AccessDenied) -> DomainError:
    match denied.reason:
        case "banned":
            return UserBanned(denied.ban)
        case "revoked":
            return SessionRevoked()
        case "unknown":
            # Redis lost within a millisecond what was just cached: it is being emptied.
            return RedisUnavailable()
