"""What follows when a rule fires: an event, then a flag or a ban (flow 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import structlog
from sqlalchemy import Connection

from app.contract.errors import RedisUnavailable
from app.contract.keys import ActionKind
from app.fraud.rules import Finding, Observation, Rule
from app.metrics import FRAUD_EVENTS
from app.services.propagation import Aftermath, Propagation, aftermath_of
from app.stores import audit, fraud_events, moderation, sessions, users
from app.stores.admission import AdmissionStore, Window
from app.stores.crowds import Crowds
from app.stores.database import Database
from app.stores.fraud_events import FraudAction, NewFraudEvent
from app.stores.users import User

ACTOR = "fraud rules"

Verdict = Literal["clear", "FLAG", "BAN"]
log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Consequences:
    """How events turn into flags and bans."""

    ban_after: int
    """The event that bans, counted within count_seconds."""
    count_seconds: int
    flag_seconds: int


class Judge:
    """Evaluates the rules and carries out the verdict: PostgreSQL first, then Redis."""

    def __init__(
        self,
        rules: Sequence[Rule],
        consequences: Consequences,
        database: Database,
        admission: AdmissionStore,
        crowds: Crowds | None,
        propagation: Propagation,
    ) -> None:
        self._rules = rules
        self._consequences = consequences
        self._database = database
        self._admission = admission
        self._crowds = crowds
        self._propagation = propagation

    def judge(self, user_id: str, kind: ActionKind, window: Window, address: str) -> Verdict:
        """What is to be done about this attempt.

        Raises DatabaseUnavailable when an event can't be written, RedisUnavailable when the crowd
        can't be counted.
        """
        observation = Observation(
            kind=kind,
            attempts=window.attempts,
            window_start=window.start,
            now=window.now,
            times=window.times,
            accounts=self._crowds.note(address, user_id) if self._crowds else 0,
        )
        finding = next((found for rule in self._rules if (found := rule.judge(observation))), None)
        return "clear" if finding is None else self._carry_out(user_id, observation, finding)

    def _carry_out(self, user_id: str, observation: Observation, finding: Finding) -> Verdict:
        with self._database.transaction() as connection:
            # Locked, so that of many attempts of one burst one writes the event and all agree.
            user = users.lock(connection, user_id)
            if user is None:
                return "clear"
            if user.account.banned:
                return "BAN"
            if fraud_events.judged_before(
                connection, user_id, observation.kind, finding.rule, finding.since
            ):
                return "FLAG"
            action, aftermath = self._punish(connection, user, observation, finding)
        FRAUD_EVENTS.labels(finding.rule, action).inc()
        log.warning("fraud_event", user=user_id, rule=finding.rule, action=action)
        self._forget(user_id, observation)
        self._propagation.tell(aftermath)
        return action

    def _punish(
        self, connection: Connection, user: User, observation: Observation, finding: Finding
    ) -> tuple[FraudAction, Aftermath]:
        rules = self._consequences
        earlier = fraud_events.count_recent(connection, user.id, rules.count_seconds)
        action: FraudAction = "BAN" if earlier + 1 >= rules.ban_after else "FLAG"
        fraud_events.insert(
            connection,
            NewFraudEvent(
                user.id,
                observation.kind,
                finding.rule,
                finding.reason,
                finding.evidence,
                action,
                observation.now,
            ),
        )
        ended: list[str] = []
        if action == "BAN":
            moderation.ban(connection, user.id, until=None)
            ended = sessions.revoke_all(connection, user.id)
        else:
            moderation.flag(connection, user.id, observation.now, rules.flag_seconds, extend=True)
        audit.insert(
            connection, ACTOR, action.lower(), user.id, finding.reason, {"rule": finding.rule}
        )
        return action, aftermath_of(connection, user.id, ended, "banned")

    def _forget(self, user_id: str, observation: Observation) -> None:
        try:
            self._admission.forget_attempts(user_id, observation.kind, observation.now)
        except RedisUnavailable:
            # They leave the window by themselves, and judged_before keeps them from counting twice.
            log.warning("attempts_not_forgotten", user=user_id)
