"""`flask boards`: creating, listing, renaming, archiving and exporting boards."""

from __future__ import annotations

import csv
import io
import json

import jwt
import pytest

from tests.app.cli.conftest import Run
from tests.app.cli.test_user_commands import OPERATOR, refused, succeeds
from tests.support.players import Person
from tests.support.service_acts import act, count
from tests.support.services import Services

pytestmark = pytest.mark.slow

CREATE = ("boards", "create", "quiz-night", "--title", "Quiz night")


def test_a_board_has_the_settings_of_its_command(services: Services, run: Run) -> None:
    words = ("--points", "-5..1000", "--periods", "week,all", "--time-zone", "Europe/Zurich")
    succeeds(run, *CREATE, "--better", "low", "--combine", "best", *words)
    settings = services.boards.find("quiz-night").settings
    assert (settings.min_points, settings.max_points) == (-5, 1000)
    assert (settings.better, settings.combine, settings.scored_by) == ("low", "best", "service")
    assert (settings.periods, settings.time_zone) == (("week", "all"), "Europe/Zurich")
    shown = succeeds(run, "boards", "show", "quiz-night")
    assert "points      -5..1000" in shown
    listed = json.loads(succeeds(run, "boards", "list", "--format", "json"))
    assert [board["key"] for board in listed] == ["main", "quiz-night"]
    (entry,) = services.moderation_reads.audit(limit=5)
    assert (entry.act, entry.actor, entry.details) == (
        "create-board",
        OPERATOR,
        {"board": "quiz-night"},
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--points", "5..1"), "points: MIN..MAX"),
        (("--points", "1-5"), "'1-5' is not a range such as 0..1000."),
        (("--points", "0..9999999999"), "points: MIN..MAX"),
        (("--periods", "year"), "'year' is not a list of all, day, week, month"),
        (("--periods", "day,day"), "periods: One or more"),
        (("--time-zone", "Mars/Olympus"), "timeZone: An IANA name"),
        (("--scored-by", "players", "--combine", "best"), "scoredBy: Players score one point"),
    ],
)
def test_a_wrong_setting_is_named(run: Run, words: tuple[str, ...], message: str) -> None:
    assert message in run(*CREATE, *words).stderr
    assert run("boards", "show", "quiz-night").exit_code == 1


def test_a_taken_key_and_a_wrong_one_are_refused(run: Run) -> None:
    succeeds(run, *CREATE)
    assert refused(run, *CREATE) == "A board with this key exists."
    assert "key: 1 to 64" in refused(run, "boards", "create", "Quiz", "--title", "Quiz")


def test_an_archived_board_counts_nothing_more_and_stays_readable(
    services: Services, run: Run
) -> None:
    succeeds(run, *CREATE)
    person = Person.register(services, "=Ada")
    assert count(services, act(person, 1, "quiz-night"), boards=("quiz-night",))
    assert run("boards", "archive", "quiz-night", typed="n\n").exit_code == 1
    assert services.boards.find("quiz-night").state == "open"
    succeeds(run, "boards", "archive", "quiz-night", "--yes")
    (answer,) = count(services, act(person, 1, "quiz-night"), boards=("quiz-night",))
    assert answer["status"] == "not_open"
    exported = csv.DictReader(io.StringIO(succeeds(run, "boards", "export", "quiz-night")))
    assert [(row["rank"], row["displayName"], row["score"]) for row in exported] == [
        ("1", "'=Ada", "1")
    ]
    assert "quiz-night" not in succeeds(run, "boards", "list")
    assert "quiz-night" in succeeds(run, "boards", "list", "--archived")
    assert refused(run, "boards", "archive", "main", "--yes") == "The board main can't be archived"


def test_times_are_set_by_commands(run: Run) -> None:
    succeeds(run, *CREATE, "--opens-at", "2036-12-24T10:00", "--closes-at", "2036-12-24T11:00")
    shown = succeeds(run, "boards", "show", "quiz-night")
    assert "opensAt     2036-12-24T10:00:00.000Z\nfreezesAt   -\n" in shown
    edit = ("boards", "edit", "quiz-night")
    opened = succeeds(run, *edit, "--opens-at", "now")
    assert "quiz-night is open, was opened at" in opened and ", closes at 2036" in opened
    assert "closes" not in succeeds(run, *edit, "--closes-at", "none")
    assert run("boards", "freeze", "quiz-night", typed="n\n").exit_code == 1
    frozen = succeeds(run, "boards", "freeze", "quiz-night", "--yes")
    assert "quiz-night is frozen" in frozen and "was frozen at" in frozen
    assert run("boards", "unfreeze", "quiz-night", typed="n\n").exit_code == 1
    unfrozen = succeeds(run, "boards", "unfreeze", "quiz-night", "--yes")
    assert "quiz-night is open" in unfrozen and "was unfrozen at" in unfrozen
    closed = succeeds(run, *edit, "--closes-at", "now")
    assert "quiz-night is closed" in closed and "was closed at" in closed
    assert "closesAt: After opensAt" in refused(run, *edit, "--closes-at", "2020-01-01")
    assert "is neither a duration" in run(*edit, "--closes-at", "soon").stderr
    assert "Give --title, --periods" in run(*edit).stderr


def test_hidden_acts_are_revealed_and_the_board_becomes_final(services: Services, run: Run) -> None:
    succeeds(run, *CREATE, "--points", "0..100", "--freezes-at", "now")
    ada = Person.register(services, "Ada")
    count(services, *(act(ada, n, "quiz-night") for n in (7, 20)), boards=("quiz-night",))
    reveal = ("boards", "reveal", "quiz-night")
    assert run(*reveal, typed="n\n").exit_code == 1
    assert succeeds(run, *reveal, "--number", "1", "--yes").splitlines() == [
        f"Ada ({ada.username}): from no place to rank 1 with 7",
        f"Step 1; acts to reveal: 1; next is Ada ({ada.username}), rank 1 with 7",
    ]
    assert len(succeeds(run, *reveal, "--number", "1", "--yes").splitlines()) == 1
    assert succeeds(run, *reveal, "--step", "all", "--yes").splitlines() == [
        f"Ada ({ada.username}): from rank 1 with 7 to rank 1 with 27",
        "Step 2; acts to reveal: 0",
    ]
    undone = succeeds(run, "boards", "undo", "quiz-night", "--yes")
    assert undone == f"Step 1; acts to reveal: 1; next is Ada ({ada.username}), rank 1 with 7\n"
    finalize = ("boards", "finalize", "quiz-night", "--yes")
    assert refused(run, *finalize) == "The board is not closed yet"
    succeeds(run, "boards", "edit", "quiz-night", "--closes-at", "now")
    signed = ("boards", "export", "quiz-night", "--signed")
    assert refused(run, *signed, "json") == "The board is not final yet"
    final = succeeds(run, *finalize)
    assert "quiz-night is final" in final
    assert "The board stays frozen: reveal its acts, or unfreeze it" in final
    (entry,) = services.moderation_reads.audit(limit=1)
    assert (entry.act, entry.actor) == ("finalize-board", OPERATOR)
    assert "Acts are still hidden" in refused(run, *signed, "json")
    succeeds(run, *reveal, "--yes")
    for table_format in ("json", "csv"):
        jws = succeeds(run, *signed, table_format).strip()
        (key,) = services.settings.jwt_public_keys
        assert ada.username.encode() in jwt.PyJWS().decode(jws, key, ["RS256"])


def test_the_title_changes(services: Services, run: Run) -> None:
    succeeds(run, *CREATE)
    succeeds(run, "boards", "edit", "quiz-night", "--title", "Quiz night 2")
    assert services.boards.find("quiz-night").settings.title == "Quiz night 2"
    assert "title: 1 to 100" in refused(run, "boards", "edit", "quiz-night", "--title", " ")
    assert refused(run, "boards", "edit", "nothing", "--title", "x") == "There is no such board"


def test_main_is_given_further_periods(services: Services, run: Run) -> None:
    edited = succeeds(run, "boards", "edit", "main", "--periods", "all,day,week,month")
    assert edited == "The periods of main are all, day, week, month\n"
    assert services.boards.find("main").settings.periods == ("all", "day", "week", "month")
    refusal = refused(run, "boards", "edit", "main", "--periods", "all")
    assert refusal.startswith("A period can't be removed")
    succeeds(run, *CREATE)
    refusal = refused(run, "boards", "edit", "quiz-night", "--periods", "all,day")
    assert refusal == "Only main can be given further periods"
    assert "Give --title, --periods" in run("boards", "edit", "main").stderr
