"""Usernames are ASCII and compared in one way, in every locale of the database."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from sqlalchemy import text

from app.accounts.login_attempts import LoginAttempt, LoginAttempts
from app.accounts.rules import username_key
from app.accounts.user_rows import find_by_username
from app.contract.errors import InvalidCredentials, NotFound, RateLimited, UsernameTaken
from tests.support.players import PASSWORD
from tests.support.servers import DatabaseServer, Stores, migrate
from tests.support.services import Services

OTHER_SPELLINGS = [
    "\u0130rina",  # capital I with dot: its lower case in Python has two characters
    "\u0131rina",  # dotless i: its upper case is I
    "\uff49\uff52\uff49\uff4e\uff41",  # full width
    "irin\u0430",  # Cyrillic a
    "ir\u00ecna",
    "iri\u0301na",
    "irina\u200d",
    "\u200birina",
    "irina\u2060",
]


@pytest.fixture(params=["C", "Unicode"])
def in_locale(
    request: pytest.FixtureRequest,
    postgres: DatabaseServer,
    stores: Stores,
    make_services: Callable[..., Services],
) -> Services:
    """Services over a database in that locale."""
    if request.param == "C":
        return make_services()
    url = postgres.create_in_unicode_locale()
    migrate(url)
    return make_services(DATABASE_URL=url)


def test_in_every_locale_a_name_is_taken_in_each_letter_case(in_locale: Services) -> None:
    in_locale.accounts.register("Iris.I", PASSWORD, "Iris")
    for name in ("IRIS.I", "iris.i", "iRiS.i"):
        with pytest.raises(UsernameTaken):
            in_locale.accounts.register(name, PASSWORD, "Iris")
        in_locale.accounts.log_in(name, PASSWORD)
        assert in_locale.moderation.find(name).username == "Iris.I"


@pytest.mark.parametrize("name", OTHER_SPELLINGS)
def test_a_name_that_is_not_ascii_is_the_name_of_no_account(services: Services, name: str) -> None:
    services.accounts.register("irina", PASSWORD, "Ada")
    with pytest.raises(InvalidCredentials):
        services.accounts.log_in(name, PASSWORD)
    with pytest.raises(NotFound):
        services.moderation.find(name)


def test_the_kelvin_sign_is_not_the_letter_k(services: Services) -> None:
    services.accounts.register("kelvin", PASSWORD, "Kelvin")
    with pytest.raises(InvalidCredentials):
        services.accounts.log_in("\u212aelvin", PASSWORD)


def test_no_spelling_of_a_name_gives_more_guesses(make_services: Callable[..., Services]) -> None:
    services = make_services(LOGIN_FAILURE_LIMIT="4 per minute")
    services.accounts.register("irina", PASSWORD, "Ada")
    letters = itertools.product(*((letter.upper(), letter) for letter in "irina"))
    spellings = ["".join(each) for each in letters]
    for name in [*spellings[:2], " irina", "irina\u3000"]:
        with pytest.raises(InvalidCredentials):
            services.accounts.log_in(name, "a guess")
    for name in [*spellings[2:], "irina ", "\u00a0IRINA"]:
        with pytest.raises(RateLimited):
            services.accounts.log_in(name, PASSWORD)


def test_attempts_are_counted_for_the_account_that_the_name_finds(services: Services) -> None:
    attempts = LoginAttempts(services.redis, services.settings.login_failure_limit)

    def counted(name: str) -> str:
        attempt = attempts.start(name, "192.0.2.1")
        assert isinstance(attempt, LoginAttempt)
        return attempt.account

    services.accounts.register("irina", PASSWORD, "Ada")
    with services.database.reading() as connection:
        for name in ["irina", "ADMIN", " Admin ", "admi", *OTHER_SPELLINGS]:
            found = find_by_username(connection, name)
            assert (found is not None) == (counted(name) == counted("irina")), name


def test_python_and_postgresql_make_the_same_key(in_locale: Services) -> None:
    characters = "".join(map(chr, range(1, 128)))
    with in_locale.database.reading() as connection:
        query = text('SELECT lower(:characters COLLATE "C")')
        assert connection.execute(query, {"characters": characters}).scalar_one() == (
            username_key(characters)
        )
