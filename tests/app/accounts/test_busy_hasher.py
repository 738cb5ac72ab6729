"""Many logins at the same time: those beyond the queue are refused and change nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.contract.errors import DomainError, ServerBusy
from app.factory import create_app
from tests.support.players import PASSWORD, Person
from tests.support.services import Services

pytestmark = pytest.mark.slow

READ_SECONDS = 2.0
"""The longest time for a read of the board, for any number of logins."""


def test_every_call_that_hashes_is_refused_while_the_hasher_is_busy(services: Services) -> None:
    person = Person.register(services)
    accounts = services.accounts
    services.passwords.allow_waiting(0)
    calls: list[Callable[[], object]] = [
        lambda: accounts.log_in(person.username, PASSWORD),
        lambda: accounts.log_in("unknown", PASSWORD),
        lambda: accounts.register("newcomer", PASSWORD, "Newcomer"),
        lambda: accounts.change_password(person.identity, PASSWORD, "another password"),
    ]
    with services.passwords.hasher():
        for call in calls:
            with pytest.raises(ServerBusy):
                call()


def test_a_refused_login_is_not_a_failed_attempt(make_services: Callable[..., Services]) -> None:
    limited = make_services(LOGIN_FAILURE_LIMIT="2 per minute")
    person = Person.register(limited)
    limited.passwords.allow_waiting(0)
    with limited.passwords.hasher():
        for _ in range(5):
            with pytest.raises(ServerBusy):
                limited.accounts.log_in(person.username, PASSWORD)
    limited.accounts.log_in(person.username, PASSWORD)


def test_logins_leave_threads_of_any_server_to_other_requests(
    make_services: Callable[..., Services],
) -> None:
    # High enough that the hash takes most of the time, as in production.
    services = make_services(BCRYPT_COST="12", WEB_THREADS="4")
    names = [Person.register(services).username for _ in range(4)]
    app = create_app(services)

    def log_in(number: int) -> tuple[int, str]:
        body = {"username": names[number % 4], "password": PASSWORD}
        reply = app.test_client().post("/api/auth/login", json=body)
        assert ("Retry-After" in reply.headers) == (reply.status_code == 503)
        return reply.status_code, reply.get_json().get("code", "")

    # As many threads as a server with gunicorn's own worker has for all of its requests.
    with ThreadPoolExecutor(4) as server:
        logins = [server.submit(log_in, number) for number in range(40)]
        asked_at = time.monotonic()
        board = server.submit(app.test_client().get, "/api/leaderboard")
        assert board.result(30).status_code == 200
        assert time.monotonic() - asked_at < READ_SECONDS
        found = Counter(login.result(30) for login in logins)
    assert set(found) == {(200, ""), (503, "SERVER_BUSY")}


def test_waiting_logins_succeed_one_after_the_other(services: Services) -> None:
    names = [Person.register(services).username for _ in range(8)]
    services.passwords.allow_waiting(8)

    def log_in(name: str) -> type[DomainError] | None:
        try:
            services.accounts.log_in(name, PASSWORD)
        except DomainError as error:
            return type(error)
        return None

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(log_in, names)) == {None}
