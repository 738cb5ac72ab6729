"""`flask users list` and `show`."""

from __future__ import annotations

import json

import pytest

from app.audit.audited_change import Initiator
from tests.app.cli.conftest import Run
from tests.support.players import PASSWORD, Person
from tests.support.services import Services
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

ACT = Initiator("test", "because")


def register(services: Services, *names: str) -> None:
    for name in names:
        services.accounts.register(name, PASSWORD, name.title())


def listed(run: Run, *options: str) -> list[str]:
    result = run("users", "list", "--format", "json", *options)
    assert result.exit_code == 0, result.output
    return [user["username"] for user in json.loads(result.stdout)]


def test_users_are_listed_by_name_in_pages(services: Services, run: Run) -> None:
    register(services, "dora", "ada", "Cleo", "ben")
    assert listed(run) == ["ada", "ben", "Cleo", "dora"]
    assert listed(run, "--limit", "2") == ["ada", "ben"]
    assert "--after ben" in run("users", "list", "--limit", "2").stderr
    assert listed(run, "--after", "BEN", "--limit", "2") == ["Cleo", "dora"]
    assert run("users", "list", "--after", "ben", "--limit", "2").stderr == ""


def test_users_are_listed_by_status(services: Services, run: Run) -> None:
    register(services, "ada", "ben", "cleo", "dora")
    moderation = services.moderation
    moderation.ban(ACT, moderation.find("ada").id)
    moderation.flag(ACT, moderation.find("ben").id, 3600)
    moderation.delete(ACT, moderation.find("dora").id)
    assert listed(run) == ["ada", "ben", "cleo"]
    assert listed(run, "--status", "banned") == ["ada"]
    assert listed(run, "--status", "flagged") == ["ben"]
    assert listed(run, "--status", "active") == ["cleo"]


def test_an_expired_flag_is_not_shown(services: Services, run: Run) -> None:
    person = Person.register(services)
    services.moderation.flag(ACT, person.user_id, 1)
    assert listed(run, "--status", "flagged") == [person.username]
    await_true(lambda: listed(run, "--status", "flagged") == [], 5)
    assert listed(run, "--status", "active") == [person.username]


def test_a_listed_user_has_every_field(services: Services, run: Run) -> None:
    person = Person.register(services, "Åsa")
    person.score(2)
    (user,) = json.loads(run("users", "list", "--format", "json").stdout)
    assert user.pop("createdAt").endswith("Z")
    assert user == {
        "userId": person.user_id,
        "username": person.username,
        "displayName": "Åsa",
        "status": "active",
        "role": "player",
        "score": 2,
        "lastLoginAt": None,
        "flaggedUntil": None,
        "bannedUntil": None,
    }


def test_the_columns_of_a_table_are_aligned_for_names_of_any_width(
    services: Services, run: Run
) -> None:
    for name, display_name in (("ada", "A"), ("ben", "日本"), ("cleo", "e\u0301e\u0301\u0323")):
        services.accounts.register(name, PASSWORD, display_name)
    heading, *rows = run("users", "list").stdout.splitlines()
    score = heading.index("SCORE")
    # Each of the two wide characters takes two columns of the screen, each of the three marks none.
    assert [row.index("  0  ") + 2 for row in rows] == [score, score - 2, score + 3]


def test_a_user_is_shown_by_name_or_id_with_audit_entries(services: Services, run: Run) -> None:
    person = Person.register(services, "Ada")
    person.score(3)
    Person.register(services).score(4)
    services.moderation.flag(
        Initiator("operator:ben", "too fast for a human"), person.user_id, 3600
    )
    by_name = run("users", "show", person.username.upper())
    assert by_name.exit_code == 0
    assert by_name.stdout == run("users", "show", person.user_id).stdout
    for expected in (
        f"id            {person.user_id}",
        "display name  Ada",
        "score         3",
        "rank          2",
        "status        flagged until 2",
    ):
        assert expected in by_name.stdout
    assert "operator:ben  flag  too fast for a human" in by_name.stdout


def test_a_banned_user_has_no_rank(services: Services, run: Run) -> None:
    person = Person.register(services)
    person.score()
    services.moderation.ban(ACT, person.user_id)
    assert "rank          not on the board" in run("users", "show", person.username).stdout


def test_an_unknown_user_is_a_one_line_error_with_status_1(services: Services, run: Run) -> None:
    gone = Person.register(services)
    services.moderation.delete(ACT, gone.user_id)
    for user in (
        "unregistered",
        "00000000-0000-4000-8000-000000000000",
        gone.username,
        gone.user_id,
    ):
        result = run("users", "show", user)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == "Error: There is no such user\n"
    assert run("users", "show", "\udcff").stderr == "Error: USER: Not a valid string.\n"
