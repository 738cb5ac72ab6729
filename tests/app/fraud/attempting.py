"""Players who ask for tokens and spend them, and what the database and Redis say of them then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from prometheus_client import REGISTRY
from sqlalchemy import text

from app.composition import Services
from app.contract import keys
from app.contract.errors import RateLimited, TokenInvalid, UserBanned
from app.stores import fraud_events
from app.stores.fraud_events import FraudEvent
from tests.app.people import Person

Answer = Literal["ok", "limited", "invalid", "banned"]


@dataclass(frozen=True)
class Attempted:
    """How an attempt ended, and whether its answer carried the warning."""

    answer: Answer
    flagged: bool = False


FINE, WARNED = Attempted("ok"), Attempted("ok", flagged=True)
BANNED = Attempted("banned")


def ask(person: Person, address: str = "") -> Attempted:
    """Ask for a token."""
    scoring = person.services.scoring
    return _attempted(lambda: scoring.issue_token(person.identity, address).flagged)


def spend(person: Person, token: str, address: str = "") -> Attempted:
    """Spend a token, or what is none."""
    scoring = person.services.scoring
    return _attempted(lambda: scoring.increment(person.identity, token, address).flagged)


def forge(person: Person) -> Attempted:
    """Spend what nobody issued."""
    return spend(person, "not a token")


def _attempted(attempt: Callable[[], bool]) -> Attempted:
    try:
        return Attempted("ok", attempt())
    except RateLimited as limited:
        return Attempted("limited", limited.flagged)
    except TokenInvalid:
        return Attempted("invalid")
    except UserBanned:
        return Attempted("banned")


def events(person: Person) -> list[FraudEvent]:
    """The player's fraud events, the oldest first."""
    with person.services.database.reading() as connection:
        return fraud_events.find(connection, person.user_id, None, 100)[::-1]


def status(person: Person) -> str:
    """The player's status in the database."""
    return str(row(person.services, "SELECT status FROM users WHERE id = :id", person.user_id)[0])


def row(services: Services, query: str, user_id: str) -> Any:
    """The one row of a query about the user."""
    with services.database.reading() as connection:
        return connection.execute(text(query), {"id": user_id}).one()


def execute(services: Services, statement: str, **values: object) -> None:
    """Change the database behind the services' back."""
    with services.database.transaction() as connection:
        connection.execute(text(statement), values)


def counted_events(rule: str, action: str) -> float:
    """What /metrics says of events of that rule and action."""
    labels = {"rule": rule, "action": action}
    return REGISTRY.get_sample_value("scoreboard_fraud_events_total", labels) or 0.0


def burst(person: Person) -> Attempted:
    """Nine token requests as fast as they go; the answer to the last."""
    return [ask(person) for _ in range(9)][-1]


def actions(person: Person) -> list[str]:
    """What the player's events led to, the oldest first."""
    return [event.action for event in events(person)]


def status_in_redis(person: Person) -> str | None:
    """The status by which Redis admits."""
    return cast("str | None", person.services.redis.hget(keys.account(person.user_id), "status"))
