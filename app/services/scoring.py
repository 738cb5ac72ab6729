"""Scoring: action tokens given out and spent, each counted exactly once (flows 3 and 4)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Literal, NamedTuple, ParamSpec, TypeVar

import structlog

from app.contract.alerts import AlertKind
from app.contract.errors import (
    Allowance,
    AuthInvalid,
    DomainError,
    RateLimited,
    RedisUnavailable,
    SessionRevoked,
    TokenExpired,
    TokenInvalid,
    TokenUsed,
    UserBanned,
)
from app.contract.identity import Identity
from app.fraud.judge import Judge
from app.metrics import AFTER_COMMIT_FAILURES, INCREMENTS, TOKENS_ISSUED, TOKENS_REFUSED
from app.services.action_tokens import ActionToken, ActionTokenCodec
from app.services.alerts import Alerts
from app.services.leaderboard import Leaderboard
from app.services.sessions import Sessions
from app.stores.admission import Admission, AdmissionStore, Attempt, Closed
from app.stores.board_cache import LocalBoard
from app.stores.counting import Counter, Counting
from app.stores.ledger import Change
from app.stores.rank_index import RankIndex

P = ParamSpec("P")
Result = TypeVar("Result")

log = structlog.stdlib.get_logger(__name__)


class IssuedToken(NamedTuple):
    """An action token, what is left of the limit, and whether its user is under suspicion."""

    text: str
    allowance: Allowance
    flagged: bool


class Outcome(NamedTuple):
    """Where an increment left its player."""

    score: int
    rank: int
    board_version: int | None
    """The board that shows it; None when Redis could not be told."""

    def as_json(self) -> dict[str, int | None]:
        return {
            "newScore": self.score,
            "newRank": self.rank,
            "boardVersion": self.board_version,
        }


class Increment(NamedTuple):
    """A counted increment, what is left of the limit, and whether its user is under suspicion."""

    outcome: Outcome
    allowance: Allowance
    flagged: bool


def _refusals_counted(
    act: Literal["issue", "spend"],
) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    def decorate(method: Callable[P, Result]) -> Callable[P, Result]:
        @wraps(method)
        def counting(*args: P.args, **kwargs: P.kwargs) -> Result:
            try:
                return method(*args, **kwargs)
            except DomainError as error:
                TOKENS_REFUSED.labels(act, error.code).inc()
                raise

        return counting

    return decorate


class Scoring:
    """Admission in Redis, the count in PostgreSQL, then the place in the rank index."""

    def __init__(
        self,
        counter: Counter,
        admission: AdmissionStore,
        judge: Judge,
        tokens: ActionTokenCodec,
        sessions: Sessions,
        index: RankIndex,
        local_board: LocalBoard,
        leaderboard: Leaderboard,
        alerts: Alerts,
    ) -> None:
        self._counter = counter
        self._admission = admission
        self._judge = judge
        self._tokens = tokens
        self._sessions = sessions
        self._index = index
        self._local_board = local_board
        self._leaderboard = leaderboard
        self._alerts = alerts

    @_refusals_counted("issue")
    def issue_token(self, identity: Identity, address: str = "") -> IssuedToken:
        """A token for one act; `address` is where the request came from.

        Raises RateLimited, SessionRevoked, UserBanned, RedisUnavailable and DatabaseUnavailable.
        """
        nonce = self._tokens.new_nonce()
        attempt = Attempt(identity.user_id, identity.session_id, "token", "issue", nonce)
        admitted = self._admit(identity, attempt, address)
        text = self._tokens.encode(ActionToken(identity.user_id, admitted.issued_at, nonce))
        TOKENS_ISSUED.inc()
        return IssuedToken(text, admitted.allowance, admitted.flagged)

    @_refusals_counted("spend")
    def increment(self, identity: Identity, token_text: str, address: str = "") -> Increment:
        """Spend a token for one point.

        A client that lost the answer repeats the same token until it hears of success, TokenUsed
        (with the first result) or TokenExpired; each of these is final. Raises besides them
        TokenInvalid, RateLimited (nothing was spent), SessionRevoked, UserBanned,
        RedisUnavailable and DatabaseUnavailable.
        """
        user_id, session_id = identity.user_id, identity.session_id
        try:
            token = self._tokens.decode(token_text, user_id)
        except TokenInvalid:
            nonce = self._tokens.new_nonce()
            self._admit(
                identity, Attempt(user_id, session_id, "increment", "refuse", nonce), address
            )
            raise
        attempt = Attempt(user_id, session_id, "increment", "spend", token.nonce, token.issued_at)
        admitted = self._admit(identity, attempt, address)
        if admitted.verdict == "refused":
            raise TokenInvalid()
        counting = self._count(token)
        outcome = self._place(counting.change)
        if counting.first_score is not None:
            raise TokenUsed(outcome._replace(score=counting.first_score).as_json())
        return Increment(outcome, admitted.allowance, admitted.flagged)

    def _admit(self, identity: Identity, attempt: Attempt, address: str) -> Admission:
        """Attempt, verdict, limit, in this order: a ban is told even to who is over the limit."""
        admission = self._admission.admit(attempt)
        if isinstance(admission, Closed) and admission.verdict == "unknown":
            self._sessions.recall(identity)
            admission = self._admission.admit(attempt)
        if isinstance(admission, Closed):
            raise _refusal(admission)
        verdict = self._judge.judge(identity.user_id, attempt.kind, admission.window, address)
        if verdict == "BAN":
            raise UserBanned()
        flagged = admission.flagged or verdict == "FLAG"
        if admission.verdict == "limited":
            raise RateLimited(admission.allowance, flagged=flagged)
        return admission if flagged == admission.flagged else admission._replace(flagged=flagged)

    def _count(self, token: ActionToken) -> Counting:
        """The one transaction; raises for a token that is not and will not be counted.

        PostgreSQL alone says what is used: whatever Redis thought of the token, it is looked up
        under the lock of the user's row.
        """
        counting = self._counter.count(token.user_id, token.issued_at, token.nonce)
        match counting:
            case "unknown":
                raise AuthInvalid()
            case "banned":
                raise UserBanned()
            case "expired":
                raise TokenExpired()
        if counting.first_score is None:
            INCREMENTS.inc()
        return counting

    def _place(self, change: Change) -> Outcome:
        """Bring a committed change to the index and so to every screen.

        A repeated token comes here too: whoever counted it may have died before this step.
        """
        try:
            point = self._index.place_point(change, self._local_board.highest_version)
        except RedisUnavailable as error:
            AFTER_COMMIT_FAILURES.inc()
            self._alerts.report(AlertKind.AFTER_COMMIT_FAILED, error)
            log.warning("change_not_placed", user=change.user_id, revision=change.revision)
            return Outcome(change.score, self._leaderboard.rank_of(change.score), None)
        placed = point.placed
        if placed.raised:
            self._local_board.clear(placed.version)
        rank = point.rank or self._leaderboard.rank_of(change.score)
        return Outcome(change.score, rank, placed.version)


def _refusal(closed: Closed) -> DomainError:
    match closed.verdict:
        case "banned":
            return UserBanned()
        case "revoked":
            return SessionRevoked()
        case "unknown":
            # Redis forgot within a millisecond what it was just told: it is being emptied.
            return RedisUnavailable()
