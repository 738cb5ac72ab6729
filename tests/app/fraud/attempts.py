"""Attempts of players: requests for tokens and points, and what PostgreSQL and Redis record."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, cast

from prometheus_client import REGISTRY
from sqlalchemy import text

from app.contract import keys
from app.contract.errors import (
    DatabaseUnavailable,
    DomainError,
    RateLimited,
    RedisUnavailable,
    TokenExpired,
    TokenInvalid,
    TokenUsed,
    UserBanned,
)
from app.moderation import fraud_event_rows
from app.moderation.fraud_event_rows import FraudEvent
from tests.app.fraud.clock import SettableClock
from tests.support.players import Person
from tests.support.services import Services

Answer = Literal["ok", "limited", "invalid", "used", "expired", "banned", "failed", "no redis"]
_ANSWERS: dict[type[DomainError], Answer] = {
    RateLimited: "limited",
    TokenInvalid: "invalid",
    TokenUsed: "used",
    TokenExpired: "expired",
    UserBanned: "banned",
    DatabaseUnavailable: "failed",
    RedisUnavailable: "no redis",
}


@dataclass(frozen=True)
class Attempted:
    """Answer to an attempt, and whether it carried the fraud warning."""

    answer: Answer
    flagged: bool = False


WINDOW_MS = 10_000
"""Of Rule 1."""
FINE, WARNED = Attempted("ok"), Attempted("ok", flagged=True)
BANNED = Attempted("banned")


def ask(person: Person, address: str = "") -> Attempted:
    """Ask for a token."""
    scoring = person.services.scoring
    return _attempted(lambda: scoring.issue_token(person.identity, address).flagged)


def spend(person: Person, token: str, address: str = "") -> Attempted:
    """Spend a token, valid or not."""
    scoring = person.services.scoring
    return _attempted(lambda: scoring.increment(person.identity, token, address).flagged)


def forge(person: Person) -> Attempted:
    """Spend a token that was never issued."""
    return spend(person, "not a token")


def burst(person: Person) -> Attempted:
    """Request nine tokens as fast as possible; the last answer."""
    return [ask(person) for _ in range(9)][-1]


def bursts(person: Person, clock: SettableClock, number: int) -> list[Attempted]:
    """Make that many bursts, with a window before each; the last answer to each."""
    answers = []
    for _ in range(number):
        clock.advance(WINDOW_MS)
        answers.append(burst(person))
    return answers


def _attempted(attempt: Callable[[], bool]) -> Attempted:
    try:
        return Attempted("ok", attempt())
    except DomainError as error:
        return Attempted(_ANSWERS[type(error)], bool(error.flagged))


def events(person: Person) -> list[FraudEvent]:
    """The player's fraud events, the oldest first."""
    with person.services.database.reading() as connection:
        return fraud_event_rows.find(connection, person.user_id, None, 100)[::-1]


def actions(person: Person) -> list[str]:
    """The sanctions that followed from the player's events, the oldest first."""
    return [event.action for event in events(person)]


def counted_events(rule: str, action: str) -> float:
    """The value in /metrics for events of that rule and action."""
    labels = {"rule": rule, "action": action}
    return REGISTRY.get_sample_value("scoreboard_fraud_events_total", labels) or 0.0


def status(person: Person) -> str:
    """The player's status in PostgreSQL."""
    return str(row(person.services, "SELECT status FROM users WHERE id = :id", person.user_id)[0])


def database_answers(services: Services) -> bool:
    """Whether PostgreSQL is used; not while the circuit breaker is open after an outage."""
    with suppress(DatabaseUnavailable), services.database.reading() as connection:
        connection.execute(text("SELECT 1"))
        return True
    return False


def status_in_redis(person: Person) -> str | None:
    """The player's status in Redis, by which attempts are admitted."""
    return cast("str | None", person.services.redis.hget(keys.account(person.user_id), "status"))


def row(services: Services, query: str, user_id: str) -> Any:
    """The only row of a query about the user."""
    with services.database.reading() as connection:
        return connection.execute(text(query), {"id": user_id}).one()


def execute(services: Services, statement: str, **values: object) -> None:
    """Change the database directly, without the services."""
    with services.database.transaction() as connection:
        connection.execute(text(statement), values)
