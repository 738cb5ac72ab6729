"""Whether a username exists can't be told from how long a login takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from app.composition import Services
from app.factory import create_app
from tests.app.people import PASSWORD, Person

ROUNDS = 15


def test_unknown_user_and_wrong_password_take_the_same_time(
    make_services: Callable[..., Services],
) -> None:
    # Dear enough that the hash outweighs all else, as it does in production.
    services = make_services(BCRYPT_COST="8")
    known = Person.register(services).username
    client = create_app(services).test_client()

    def seconds(username: str) -> float:
        # This thread's own work: neighbours on a busy machine don't count, and what a login waits
        # for in PostgreSQL and Redis is the same single query for both.
        body = {"username": username, "password": f"not {PASSWORD}"}
        begun = time.thread_time()
        reply = client.post("/api/auth/login", json=body)
        taken = time.thread_time() - begun
        assert reply.status_code == 401
        return taken

    seconds(known)
    seconds("nobody")
    taken = [(seconds(known), seconds("nobody")) for _ in range(ROUNDS)]
    wrong, unknown = (statistics.median(column) for column in zip(*taken, strict=True))
    assert 0.7 < unknown / wrong < 1.4
