"""The judge: turns what the rules find into a verdict, and records it as a fraud event (flow 6)."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Literal, NamedTuple

import structlog
from sqlalchemy import Connection

from app.accounts import user_rows
from app.accounts.user_rows import User
from app.audit.audited_change import Initiator
from app.concurrency.batching import RETRY_LATER, BatchedCall, RetryLater, one_by_one
from app.contract.errors import DatabaseUnavailable, RedisUnavailable
from app.contract.keys import ActionKind
from app.contract.limits import AUTOMATIC_BAN
from app.fraud.address_activity import AddressActivity
from app.fraud.attempt_window import AttemptWindow, AttemptWindows
from app.fraud.rules import Finding, Observation, Rule
from app.leaderboard.publication import StandingEffects
from app.metrics.counters import FRAUD_EVENTS
from app.moderation import fraud_event_rows
from app.moderation.fraud_event_rows import FraudAction, NewFraudEvent
from app.moderation.sanctions import Sanctions
from app.storage.database import LOCK_TIMEOUT, Database
from app.storage.pooled_connections import sql_state

ACTOR = "fraud rules"

Verdict = Literal["clear", "FLAG", "BAN"]
log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class SanctionPolicy:
    """Which sanction follows from a fraud event."""

    ban_after: int
    """The event with this number bans the user; the events before it flag the user."""
    count_seconds: int
    """Only events within this time are counted."""
    flag_seconds: int
    gap_seconds: int
    """Attempts within this time after an event count for no other event, so that the player can
    read the warning and stop."""


class _Case(NamedTuple):
    """A finding whose verdict is still to be carried out."""

    user_id: str
    observation: Observation
    finding: Finding
    context: Context
    """That of the request. A batch runs in another context, where log lines would lack its id."""


class Judge:
    """Evaluates the rules and has Sanctions carry out the verdict: PostgreSQL first, then Redis."""

    def __init__(
        self,
        rules: Sequence[Rule],
        policy: SanctionPolicy,
        database: Database,
        windows: AttemptWindows,
        address_activity: AddressActivity | None,
        sanctions: Sanctions,
    ) -> None:
        """`address_activity` is None if no rule needs it."""
        self._rules = rules
        self._policy = policy
        self._database = database
        self._windows = windows
        self._address_activity = address_activity
        self._sanctions = sanctions
        self._carry_out: BatchedCall[_Case, Verdict] = BatchedCall(
            one_by_one(self._carry_out_now), self._carry_out_alone, DatabaseUnavailable
        )

    def judge(self, user_id: str, kind: ActionKind, window: AttemptWindow, address: str) -> Verdict:
        """The verdict on an attempt, carried out and published.

        Raises DatabaseUnavailable if an event can't be written, and RedisUnavailable if the
        accounts at the address can't be counted.
        """
        activity = self._address_activity
        observation = Observation(
            kind=kind,
            attempts=window.attempts,
            window_start=window.start,
            now=window.now,
            attempt_times=window.attempt_times,
            accounts=activity.record(address, user_id) if activity else 0,
        )
        finding = next((found for rule in self._rules if (found := rule.judge(observation))), None)
        if finding is None:
            return "clear"
        return self._carry_out(_Case(user_id, observation, finding, copy_context()))

    def _carry_out_now(self, case: _Case) -> Verdict | RetryLater:
        try:
            return case.context.run(self._carry_out_alone, case, wait=False)
        except DatabaseUnavailable as failure:
            if sql_state(failure.__cause__) == LOCK_TIMEOUT:
                return RETRY_LATER
            raise

    def _carry_out_alone(self, case: _Case, *, wait: bool = True) -> Verdict:
        user_id, observation, finding, _ = case
        with self._database.transaction() as connection:
            # With the lock, exactly one of the parallel attempts of a burst writes the event. The
            # others find it.
            user = user_rows.lock(connection, user_id, wait=wait)
            if user is None:
                return "clear"
            if user.account.banned:
                return "BAN"
            count_from = self._count_from(connection, case)
            counts = finding.since >= count_from
            if counts:
                action = self._action(connection, user_id)
                _record_event(connection, user_id, observation, finding, action)
                effects = self._sanction(connection, user, observation, finding, action)
        if not counts:
            # Otherwise each further attempt would fire, and the next event would be later.
            self._forget_attempts(user_id, observation.kind, count_from - 1)
            return "FLAG" if user.account.status_at(observation.now) == "flagged" else "clear"
        FRAUD_EVENTS.labels(finding.rule, action).inc()
        log.warning("fraud_event", user=user_id, rule=finding.rule, action=action)
        self._forget_attempts(user_id, observation.kind, observation.now)
        if effects is not None:
            self._sanctions.publish(effects)
        return action

    def _count_from(self, connection: Connection, case: _Case) -> int:
        return fraud_event_rows.attempts_count_from(
            connection,
            case.user_id,
            case.observation.kind,
            case.finding.rule,
            now=case.observation.now,
            gap_ms=self._policy.gap_seconds * 1000,
        )

    def _action(self, connection: Connection, user_id: str) -> FraudAction:
        earlier = fraud_event_rows.count_recent(connection, user_id, self._policy.count_seconds)
        return "BAN" if earlier + 1 >= self._policy.ban_after else "FLAG"

    def _sanction(
        self,
        connection: Connection,
        user: User,
        observation: Observation,
        finding: Finding,
        action: FraudAction,
    ) -> StandingEffects | None:
        initiator, details = Initiator(ACTOR, finding.reason), {"rule": finding.rule}
        if action == "BAN":
            return self._sanctions.ban(
                connection, user, initiator, public_reason=AUTOMATIC_BAN, details=details
            )
        return self._sanctions.flag(
            connection,
            user,
            initiator,
            at=observation.now,
            seconds=self._policy.flag_seconds,
            extend=True,
            details=details,
        )

    def _forget_attempts(self, user_id: str, kind: ActionKind, until: int) -> None:
        try:
            self._windows.forget(user_id, kind, until)
        except RedisUnavailable:
            # They expire, and attempts_count_from prevents that they count in the meantime.
            log.warning("attempts_not_forgotten", user=user_id)


def _record_event(
    connection: Connection,
    user_id: str,
    observation: Observation,
    finding: Finding,
    action: FraudAction,
) -> None:
    event = NewFraudEvent(
        user_id,
        observation.kind,
        finding.rule,
        finding.reason,
        finding.evidence,
        action,
        observation.now,
    )
    fraud_event_rows.insert(connection, event)
