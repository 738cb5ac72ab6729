"""Increments of several players in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from app.concurrency.batching import run_batch
from app.contract.errors import DomainError
from app.scoring.scoring import Increment
from tests.support.players import Person
from tests.support.services import Services

Spending = tuple[Person, str]
Result = Increment | DomainError


def spend_batch(spendings: Sequence[Spending]) -> list[tuple[Person, Result]]:
    """The results, in the order in which the requests ended."""
    ended: list[tuple[Person, Result]] = []

    def spend(person: Person, token: str) -> None:
        result: Result
        try:
            result = person.services.scoring.increment(person.identity, token)
        except DomainError as refusal:
            result = refusal
        ended.append((person, result))

    run_batch([partial(spend, *spending) for spending in spendings])
    return ended


def score_of(result: Result) -> int:
    assert isinstance(result, Increment), result
    return result.outcome.score


def people(services: Services, number: int) -> list[Spending]:
    """New players with a token each."""
    found = [Person.register(services) for _ in range(number)]
    return [(person, person.token()) for person in found]
