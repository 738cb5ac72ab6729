"""The duration of a login does not reveal whether the username exists."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytest

from app.factory import create_app
from tests.support.players import PASSWORD, Person
from tests.support.services import Services

pytestmark = pytest.mark.slow

ROUNDS = 15


def test_unknown_user_and_wrong_password_take_the_same_time(
    make_services: Callable[..., Services],
) -> None:
    # High enough that the hash takes most of the time, as in production.
    services = make_services(BCRYPT_COST="8")
    known = Person.register(services).username
    client = create_app(services).test_client()

    def seconds(username: str) -> float:
        # CPU time of this thread, independent of other work on the machine. In PostgreSQL and Redis
        # both kinds of login wait for the same single query.
        body = {"username": username, "password": f"not {PASSWORD}"}
        started_at = time.thread_time()
        reply = client.post("/api/auth/login", json=body)
        taken = time.thread_time() - started_at
        assert reply.status_code == 401
        return taken

    seconds(known)
    seconds("unregistered")
    taken = [(seconds(known), seconds("unregistered")) for _ in range(ROUNDS)]
    wrong, unknown = (statistics.median(column) for column in zip(*taken, strict=True))
    assert 0.7 < unknown / wrong < 1.4
