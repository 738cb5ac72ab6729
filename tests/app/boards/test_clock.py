"""The contest clock: acts are counted from the opening to the closing, by PostgreSQL's clock."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.boards.clock import Clock
from app.contract.details import CLOCK_TIMES
from app.contract.errors import BoardNotOpen, ValidationFailed
from tests.app.scoring.test_board_tokens import arena, increment
from tests.support.players import Person
from tests.support.service_acts import OPERATOR, act, count, create_board, rows, statuses
from tests.support.services import Services
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
_NOW = text("SELECT clock_timestamp()")
_LAST = text("SELECT max(created_at), count(*) FROM actions WHERE board_id = :board")


def set_times(services: Services, key: str = "quiz", **times: Any) -> None:
    change: Any = times
    services.boards.edit(OPERATOR, key, times=change)


def database_time(services: Services) -> datetime:
    with services.database.reading() as connection:
        moment: datetime = connection.execute(_NOW).scalar_one()
        return moment


def test_a_board_is_scheduled_then_open_then_closed() -> None:
    clock = Clock(opens_at=NOON, closes_at=NOON + HOUR)
    second = timedelta(microseconds=1)
    moments = (NOON - second, NOON, NOON + HOUR - second, NOON + HOUR)
    states = [clock.state_at(moment) for moment in moments]
    assert states == ["scheduled", "open", "open", "closed"]
    assert Clock().state_at(NOON) == "open"
    frozen = replace(clock, freezes_at=NOON + HOUR / 2)
    around = (NOON + HOUR / 2 - second, NOON + HOUR / 2, NOON + HOUR)
    assert [frozen.state_at(moment) for moment in around] == ["open", "frozen", "closed"]


@pytest.mark.parametrize(
    "change",
    [
        {"closes_at": NOON - HOUR},
        {"opens_at": NOON + 2 * HOUR},
        {"opens_at": NOON + HOUR, "closes_at": NOON + HOUR},
        {"opens_at": "now", "closes_at": "now"},
    ],
)
def test_a_board_closes_after_it_opens_and_not_in_the_past(change: Any) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        Clock(closes_at=NOON + HOUR).changed(change, NOON)
    assert set(refusal.value.details or {}) == {"closesAt"}


@pytest.mark.parametrize("name", list(CLOCK_TIMES))
@pytest.mark.parametrize("year", [1, 1969, 9999])
def test_a_time_that_another_time_zone_may_not_have_is_refused(name: Any, year: int) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        Clock().changed({name: NOON.replace(year=year)}, NOON)
    assert set(refusal.value.details or {}) == {CLOCK_TIMES[name]}


def test_a_closing_time_that_has_passed_can_stay_or_be_moved() -> None:
    closed = Clock(closes_at=NOON - HOUR)
    assert closed.changed({"opens_at": NOON - 2 * HOUR}, NOON).closes_at == NOON - HOUR
    assert closed.changed({"closes_at": NOON + HOUR}, NOON).state_at(NOON) == "open"


def test_a_clock_that_is_sent_back_as_it_was_shown_changes_nothing(services: Services) -> None:
    create_board(services)
    set_times(services, opens_at="now")
    set_times(services, freezes_at="now")
    set_times(services, closes_at="now")
    board = services.boards.find("quiz")
    shown = board.clock.as_json()
    times: Any = {f: datetime.fromisoformat(shown[name]) for f, name in CLOCK_TIMES.items()}
    set_times(services, **times)
    assert services.boards.find("quiz").clock == board.clock
    assert len(services.moderation_reads.audit(limit=9)) == 4


def test_times_are_used_to_the_millisecond(services: Services) -> None:
    create_board(services)
    moment = database_time(services).replace(microsecond=123_456) + HOUR
    set_times(services, closes_at=moment)
    assert services.boards.find("quiz").clock.closes_at == moment.replace(microsecond=123_000)


def test_acts_of_a_service_outside_are_refused_with_the_times(services: Services) -> None:
    board = create_board(services)
    person = Person.register(services)
    now = database_time(services)
    set_times(services, opens_at=now + HOUR, closes_at=now + 2 * HOUR)
    (answer,) = count(services, act(person, 1))
    times = {"opensAt", "freezesAt", "closesAt", "thawedAt", "finalizedAt"}
    assert (answer["status"], set(answer["details"])) == ("not_open", times)
    set_times(services, opens_at="now")
    counted = act(person, 5)
    assert statuses(services, counted) == ["counted"]
    set_times(services, closes_at="now")
    assert statuses(services, act(person, 1), counted) == ["not_open", "repeated"]
    set_times(services, closes_at=None)
    assert statuses(services, act(person, 1)) == ["counted"]
    assert rows(services, board) == [(1, person.user_id, 6)]
    assert services.ledger_check.verify().sound


def test_players_outside_get_no_token_and_spend_none(services: Services) -> None:
    board = arena(services)
    person = Person.register(services)
    spent, unspent = person.token("arena"), person.token("arena")
    assert increment(person, spent) == "counted"
    set_times(services, "arena", closes_at="now")
    assert increment(person, unspent) == "BOARD_NOT_OPEN"
    assert increment(person, spent) == "TOKEN_USED"

    refusals: list[BoardNotOpen] = []

    def is_refused() -> bool:
        try:
            person.token("arena")
        except BoardNotOpen as error:
            refusals.append(error)
        return bool(refusals)

    # A process knows the new times of a board after a second at most.
    await_true(is_refused, 5)
    assert (refusals[0].details or {})["closesAt"]
    assert rows(services, board) == [(1, person.user_id, 1)]


def test_no_act_is_counted_after_a_board_was_closed_at_once(services: Services) -> None:
    board = create_board(services)
    people = [Person.register(services) for _ in range(4)]
    stopped = threading.Event()
    answers: list[str] = []

    def report(person: Person) -> None:
        while not stopped.is_set():
            answers.extend(statuses(services, *(act(person, 1) for _ in range(20))))

    threads = [threading.Thread(target=report, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    await_true(lambda: "counted" in answers, 10)
    set_times(services, closes_at="now")
    closes_at = services.boards.find("quiz").clock.closes_at
    with services.database.reading() as connection:
        last, number = connection.execute(_LAST, {"board": board.id}).one()
    await_true(lambda: "not_open" in answers, 10)
    stopped.set()
    for thread in threads:
        thread.join()
    with services.database.reading() as connection:
        assert connection.execute(_LAST, {"board": board.id}).one() == (last, number)
    assert closes_at is not None
    assert last < closes_at
    assert number == answers.count("counted")
