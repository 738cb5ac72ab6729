"""Points taken back on boards: each period of the acts shows what remains."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from sqlalchemy import text

from app.boards.board import PERIODS
from app.contract.errors import NotFound
from app.contract.standings import BoardPeriod
from tests.support.players import Person
from tests.support.service_acts import OPERATOR, act, count, create_board, rows
from tests.support.services import Services


def take_back(services: Services, person: Person, board: str = "quiz", **since: datetime) -> int:
    """The number of acts that were taken back."""
    moderation = services.moderation
    result = moderation.revoke_points(OPERATOR, person.user_id, since.get("since"), board)
    return result.revoked_acts


def test_the_best_of_the_acts_that_remain_counts_and_keeps_its_place(services: Services) -> None:
    board = create_board(services, better="low", combine="best")
    ada, bob = Person.register(services), Person.register(services)
    count(services, act(ada, 30))
    count(services, act(bob, 30))
    since = datetime.now(UTC)
    count(services, act(bob, 5), act(bob, 9))
    assert take_back(services, bob, since=since) == 2
    assert rows(services, board) == [(1, ada.user_id, 30), (1, bob.user_id, 30)]
    assert services.ledger_check.verify().sound


def test_acts_are_taken_back_once(services: Services) -> None:
    board = create_board(services)
    person = Person.register(services)
    count(services, act(person, 30), act(person, 4))
    assert take_back(services, person) == 2
    assert take_back(services, person) == 0
    assert rows(services, board) == []
    count(services, act(person, 7))
    assert rows(services, board) == [(1, person.user_id, 7)]
    assert services.ledger_check.verify().sound


def test_a_low_board_starts_again_after_all_acts_were_taken_back(services: Services) -> None:
    board = create_board(services, better="low", combine="best")
    person = Person.register(services)
    count(services, act(person, 3))
    take_back(services, person)
    assert rows(services, board) == []
    (answer,) = count(services, act(person, 50))
    assert answer["score"] == 50
    assert rows(services, board) == [(1, person.user_id, 50)]


def test_a_ban_and_its_end_do_not_bring_back_what_was_taken(services: Services) -> None:
    board = create_board(services, better="low", combine="latest")
    person = Person.register(services)
    count(services, act(person, 3))
    take_back(services, person)
    services.moderation.ban(OPERATOR, person.user_id)
    services.moderation.unban(OPERATOR, person.user_id)
    assert rows(services, board) == []


def test_a_repeated_act_that_was_taken_back_is_answered_and_not_counted_again(
    services: Services,
) -> None:
    board = create_board(services)
    person = Person.register(services)
    sent = act(person, 8)
    count(services, sent)
    take_back(services, person)
    (answer,) = count(services, sent)
    assert (answer["status"], answer["score"]) == ("repeated", 8)
    assert rows(services, board) == []


def test_each_act_is_taken_from_the_period_in_which_it_counted(services: Services) -> None:
    board = create_board(services, periods=("day", "all"))
    person = Person.register(services)
    yesterday = create_yesterday(services, person)
    count(services, act(person, 5))
    assert rows(services, board) == [(1, person.user_id, 5)]
    assert take_back(services, person, since=yesterday) == 2
    assert rows(services, board) == []
    with services.database.reading() as connection:
        scores = connection.execute(
            text("SELECT period, score, listed FROM standings ORDER BY period, starts_on")
        ).all()
    gone = (0, False)
    assert [tuple(row) for row in scores] == [("all", *gone), ("day", *gone), ("day", *gone)]
    assert services.ledger_check.verify().sound


def create_yesterday(services: Services, person: Person) -> datetime:
    """Count an act and move it and its standings to yesterday; the moment of the act."""
    count(services, act(person, 40))
    with services.database.transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE standings SET starts_on = starts_on - 1 WHERE period = 'day'"
        )
        moved = connection.exec_driver_sql(
            "UPDATE actions SET created_at = created_at - interval '1 day' RETURNING created_at"
        )
        moment: datetime = moved.scalar_one()
    return moment


def test_points_of_main_are_taken_from_all_its_periods(services: Services) -> None:
    with patch("app.boards.boards.PERIOD_LEAD_SECONDS", 0.0):
        services.boards.edit(OPERATOR, "main", periods=PERIODS)
    main, added = services.boards.find("main"), PERIODS[1:]
    ada, bob = Person.register(services), Person.register(services)
    ada.score(2)
    bob.score(2)
    since = datetime.now(UTC)
    ada.score(3)
    assert take_back(services, ada, "main", since=since) == 3
    for kind in added:
        assert rows(services, main, kind) == [(1, ada.user_id, 2), (1, bob.user_id, 2)]
    assert take_back(services, ada, "main") == 2
    ada.score()
    for kind in added:
        assert rows(services, main, kind) == [(1, bob.user_id, 2), (2, ada.user_id, 1)]
    assert services.moderation_reads.user(ada.user_id).score == 1
    assert services.ledger_check.verify().sound


def test_watchers_see_at_once_what_remains(services: Services) -> None:
    create_board(services)
    ada, bob = Person.register(services), Person.register(services)
    count(services, act(ada, 9), act(bob, 4))
    watched = BoardPeriod("quiz", "all")
    version = services.rankings.top(watched).version.number
    take_back(services, ada)
    after = services.rankings.top(watched)
    assert [(row.user_id, row.score) for row in after.rows] == [(bob.user_id, 4)]
    assert after.version.number > version


def test_the_board_and_the_acts_are_in_the_audit_trail(services: Services) -> None:
    create_board(services)
    person = Person.register(services)
    count(services, act(person, 9), act(person, 4))
    take_back(services, person)
    (entry,) = services.moderation_reads.audit(limit=1)
    assert (entry.act, entry.user_id) == ("revoke-points", person.user_id)
    assert entry.details == {"board": "quiz", "acts": 2, "points": 13, "since": None}


def test_an_unknown_board_has_nothing_to_take_back(services: Services) -> None:
    with pytest.raises(NotFound):
        take_back(services, Person.register(services), "none")
