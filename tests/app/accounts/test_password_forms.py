"""A password is the same in each form in which a keyboard or a system may send it."""

from __future__ import annotations

import unicodedata

import bcrypt
import pytest
from sqlalchemy import text

from app.accounts.rules import new_password, password
from app.contract.errors import InvalidCredentials, ValidationFailed
from tests.support.services import Services

pytestmark = pytest.mark.slow

LONGER_IN_NFC = "\u0958" * 24
"""72 bytes, which NFC makes 144."""


def stored_hash(services: Services) -> str:
    with services.database.reading() as connection:
        found: str = connection.execute(text("SELECT password_hash FROM users")).scalar_one()
    return found


def set_hash_of_version_before(services: Services, typed: str) -> str:
    """Store a hash of the characters as typed."""
    made = bcrypt.hashpw(typed.encode(), bcrypt.gensalt(4)).decode()
    with services.database.transaction() as connection:
        connection.execute(text("UPDATE users SET password_hash = :hash"), {"hash": made})
    return made


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pässwörter", unicodedata.normalize("NFD", "pässwörter")),
        ("\u212bngström unit", "\u00c5ngström unit"),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af words", "한글 words"),
        ("two\u00a0words", "two words"),
        ("two\u3000words", "two words"),
        ("e\u0323\u0302xactly", "e\u0302\u0323xactly"),
    ],
)
def test_a_password_matches_in_each_form(services: Services, one: str, other: str) -> None:
    services.accounts.register("ada", one, "Ada")
    tokens = services.accounts.log_in("ada", other).tokens
    identity = services.verifier.verify(tokens.access_token, "access")
    services.accounts.change_password(identity, other, other)
    services.accounts.log_in("ada", one)


def test_compatible_but_other_characters_are_other_passwords(services: Services) -> None:
    services.accounts.register("ada", "ﬁnd the way", "Ada")
    for other in ("find the way", "ﬁnd the way ", "ﬁnd the waY"):
        with pytest.raises(InvalidCredentials):
            services.accounts.log_in("ada", other)


def test_a_login_replaces_a_hash_of_the_typed_characters(services: Services) -> None:
    typed = unicodedata.normalize("NFD", "pässwörter")
    services.accounts.register("ada", "another password", "Ada")
    before = set_hash_of_version_before(services, typed)
    with pytest.raises(InvalidCredentials):
        services.accounts.log_in("ada", "pässwörter")
    services.accounts.log_in("ada", typed)
    assert stored_hash(services) != before
    for form in (typed, "pässwörter"):
        services.accounts.log_in("ada", form)


def test_a_login_leaves_a_hash_of_the_form_alone(services: Services) -> None:
    services.accounts.register("ada", "pässwörter", "Ada")
    before = stored_hash(services)
    services.accounts.log_in("ada", unicodedata.normalize("NFD", "pässwörter"))
    assert stored_hash(services) == before


def test_an_old_password_whose_form_is_too_long_still_works(services: Services) -> None:
    services.accounts.register("ada", "another password", "Ada")
    before = set_hash_of_version_before(services, LONGER_IN_NFC)
    services.accounts.log_in("ada", password(LONGER_IN_NFC))
    assert stored_hash(services) == before
    with pytest.raises(InvalidCredentials):
        services.accounts.log_in("ada", LONGER_IN_NFC[:-1] + "?")


def test_bcrypts_limit_is_for_the_form_of_a_new_password() -> None:
    decomposed = unicodedata.normalize("NFD", "é" * 36)
    assert new_password(decomposed) == "é" * 36
    assert password(decomposed) == decomposed
    for too_long in (LONGER_IN_NFC, unicodedata.normalize("NFD", "é" * 37)):
        with pytest.raises(ValidationFailed):
            new_password(too_long)
    with pytest.raises(ValidationFailed, match="minimum length"):
        new_password(unicodedata.normalize("NFD", "é" * 7))
