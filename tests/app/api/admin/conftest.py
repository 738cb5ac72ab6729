"""Fixtures: an admin, and a player to moderate."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app.factory import create_app
from tests.support.api_client import (
    ACT,
    Caller,
)
from tests.support.players import PASSWORD, Person
from tests.support.services import Services


@pytest.fixture
def app(services: Services) -> Flask:
    return create_app(services)


@pytest.fixture
def log_in(app: Flask, services: Services) -> Callable[[str], Caller]:
    """Logs in the user of this name."""

    def log_in(username: str) -> Caller:
        login = services.accounts.log_in(username, PASSWORD)
        return Caller(app, login.user.id, login.tokens.access_token)

    return log_in


@pytest.fixture
def admin(services: Services, log_in: Callable[[str], Caller]) -> Caller:
    """An admin."""
    person = Person.register(services, "Root")
    services.moderation.set_role(ACT, person.user_id, "admin")
    return log_in(person.username)


@pytest.fixture
def ada(services: Services) -> Person:
    """A player with three points."""
    person = Person.register(services, "Ada")
    person.score(3)
    return person
