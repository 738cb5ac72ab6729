"""`flask scores`: points taken back on `main` and on other boards."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.app.cli.conftest import Run
from tests.app.cli.test_user_commands import audit_trail, board, succeeds
from tests.support.players import Person
from tests.support.service_acts import act, count, create_board
from tests.support.services import Services

pytestmark = pytest.mark.slow


@pytest.fixture
def ada(services: Services) -> Person:
    """A player with three points."""
    person = Person.register(services, "Ada")
    person.score(3)
    return person


def test_points_are_taken_back_all_or_since_a_time(
    services: Services, run: Run, ada: Person
) -> None:
    since = datetime.now(UTC).replace(tzinfo=None).isoformat()
    ada.score(2)
    revoke = ("scores", "revoke", ada.username, "--reason", "a script's", "--yes")
    output = succeeds(run, *revoke, "--since", since)
    assert output == f"Took 2 points back from {ada.username}; the score is 3\n"
    assert board(services) == [("Ada", 3)]
    succeeds(run, *revoke, "--since", "1h")
    assert board(services) == []
    assert succeeds(run, *revoke).endswith("has no points to take back; the score is 0\n")
    assert [entry.details["points"] for entry in audit_trail(services, ada)] == [3, 2]


def test_points_of_a_board_are_taken_back_after_a_question(
    services: Services, run: Run, ada: Person
) -> None:
    create_board(services)
    count(services, act(ada, 9), act(ada, 4))
    revoke = ("scores", "revoke", ada.username, "--board", "quiz", "--reason", "a script's")
    assert run(*revoke, typed="n\n").exit_code == 1
    output = succeeds(run, *revoke, typed="y\n")
    assert f"Take back what {ada.username} ever scored on quiz?" in output
    assert f"Took 2 acts with 13 points back from {ada.username} on quiz" in output
    assert board(services) == [("Ada", 3)]
    again = succeeds(run, *revoke, "--yes")
    assert again == f"{ada.username} has no points to take back on quiz\n"


def test_an_invalid_time_takes_nothing_back(services: Services, run: Run, ada: Person) -> None:
    for since in ("yesterday", "999999999d", "2h ago", "0001-01-01T00:00+23:59"):
        result = run("scores", "revoke", ada.username, "--reason", "x", "--since", since)
        assert result.exit_code == 2, since
    assert board(services) == [("Ada", 3)]
