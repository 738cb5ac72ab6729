"""`flask fraud events`: filters and formats."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from app.moderation import fraud_event_rows
from app.moderation.fraud_event_rows import NewFraudEvent
from tests.app.cli.conftest import Run
from tests.support.players import Person
from tests.support.services import Services

EVIDENCE = {"attempts": 9, "windowSeconds": 10}


@pytest.fixture
def people(services: Services) -> list[Person]:
    """A user with two events and a user with one."""
    made = [Person.register(services) for _ in range(2)]
    for number, person in enumerate((made[0], made[0], made[1])):
        reason = f'{number}: 9 attempts in 10 s, "more" than 8'
        event = NewFraudEvent(
            person.user_id, "token", "rapid requests", reason, EVIDENCE, "FLAG", number
        )
        with services.database.transaction() as connection:
            fraud_event_rows.insert(connection, event)
    return made


def found(run: Run, *options: str) -> list[str]:
    """The numbers with which the events' reasons begin."""
    result = run("fraud", "events", "--format", "json", *options)
    assert result.exit_code == 0, result.output
    return [event["reason"][0] for event in json.loads(result.stdout)]


def test_events_are_filtered_and_the_newest_come_first(
    services: Services, run: Run, people: list[Person]
) -> None:
    assert found(run) == ["2", "1", "0"]
    assert found(run, "--limit", "2") == ["2", "1"]
    assert found(run, "--user", people[0].username) == ["1", "0"]
    assert found(run, "--user", people[1].user_id) == ["2"]
    assert found(run, "--since", "1m") == ["2", "1", "0"]
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert found(run, "--since", later.isoformat()) == []
    with services.database.transaction() as connection:
        (newest,) = fraud_event_rows.find(connection, people[1].user_id, None, 1)
    assert found(run, "--since", newest.created_at.isoformat()) == ["2"]


def test_json_and_csv_have_every_field(run: Run, people: list[Person]) -> None:
    (event,) = json.loads(run("fraud", "events", "--limit", "1", "--format", "json").stdout)
    text = run("fraud", "events", "--limit", "1", "--format", "csv").stdout
    (row,) = csv.DictReader(io.StringIO(text))
    assert list(row) == list(event)
    assert event["evidence"] == EVIDENCE == json.loads(row["evidence"])
    assert event["username"] == people[1].username
    for name in ("createdAt", "userId", "username", "rule", "kind", "action", "reason"):
        assert row[name] == event[name]


def test_the_table_shows_user_and_reason(run: Run, people: list[Person]) -> None:
    heading, first, *_ = run("fraud", "events").stdout.splitlines()
    assert heading.split() == ["TIME", "USER", "RULE", "KIND", "ACTION", "REASON"]
    assert people[1].username in first
    assert '2: 9 attempts in 10 s, "more" than 8' in first


def test_events_of_an_unknown_user_are_an_error(run: Run) -> None:
    result = run("fraud", "events", "--user", "unregistered")
    assert (result.exit_code, result.stderr) == (1, "Error: There is no such user\n")
