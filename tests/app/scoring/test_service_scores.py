"""Scores from a trusted server: counted once, answered one by one, shown on their board."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from app.contract.errors import ValidationFailed
from tests.support.players import Person
from tests.support.service_acts import (
    OPERATOR,
    act,
    act_id,
    count,
    create_board,
    rows,
    statuses,
)
from tests.support.services import Services

pytestmark = pytest.mark.slow

DAY_MS = 86_400_000


def test_an_act_counts_once_however_often_it_is_sent(services: Services) -> None:
    board = create_board(services)
    person = Person.register(services)
    once = act(person, 40)
    assert count(services, once) == [
        {"id": once["id"], "status": "counted", "score": 40, "rank": 1}
    ]
    again = {"id": once["id"], "status": "repeated", "score": 40, "rank": 1}
    assert count(services, once, once) == [again, again]
    assert rows(services, board) == [(1, person.user_id, 40)]
    assert services.ledger_check.verify().sound


def test_the_same_act_twice_in_a_batch_counts_once(services: Services) -> None:
    board = create_board(services)
    once = act(Person.register(services), 5)
    assert statuses(services, once, once) == ["counted", "repeated"]
    assert [row[2] for row in rows(services, board)] == [5]


def test_the_same_id_with_another_player_board_or_number_of_points_is_a_conflict(
    services: Services,
) -> None:
    board = create_board(services)
    create_board(services, "other")
    ada, bob = Person.register(services), Person.register(services)
    first = act(ada, 10)
    assert statuses(services, first) == ["counted"]
    changed = [first | {"points": 11}, first | {"userId": bob.user_id}, first | {"board": "other"}]
    assert statuses(services, *changed, boards=("quiz", "other")) == ["conflict"] * 3
    assert rows(services, board) == [(1, ada.user_id, 10)]


def test_each_refusal_is_for_its_own_act(services: Services) -> None:
    create_board(services)
    archived = create_board(services, "old")
    services.boards.archive(OPERATOR, archived.settings.key)
    ada, banned = Person.register(services), Person.register(services)
    services.moderation.ban(OPERATOR, banned.user_id)
    acts = [
        act(ada, 1),
        act(banned, 1),
        act(ada, 1, userId="00000000-0000-4000-8000-000000000000"),
        act(ada, 1, board="elsewhere"),
        act(ada, 1, board="nowhere"),
        act(ada, 1, board="old"),
        act(ada, 1001),
        act(ada, -1),
        act(ada, 1, id=act_id(DAY_MS + 1000)),
        act(ada, 1, id=act_id(-60_000)),
        act(ada, 1, id=act_id(DAY_MS - 60_000)),
        act(ada, 1),
    ]
    assert statuses(services, *acts, boards=("quiz", "old", "nowhere")) == [
        "counted",
        "banned",
        "unknown_user",
        "unknown_board",
        "unknown_board",
        "not_open",
        "out_of_range",
        "out_of_range",
        "expired",
        "expired",
        "counted",
        "counted",
    ]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"id": "7"}, "id"),
        ({"id": None}, "id"),
        ({"id": "0ddf3b52-2a3b-4a5e-8c55-8a2e6c0b9d10"}, "id"),
        ({"id": "{01939e5b-6f4e-7c5a-8c55-8a2e6c0b9d10}"}, "id"),
        ({"userId": "ada"}, "userId"),
        ({"userId": None}, "userId"),
        ({"username": "ada"}, "userId"),
        ({"board": "Quiz"}, "board"),
        ({"board": 1}, "board"),
        ({"points": "1"}, "points"),
        ({"points": 1.0}, "points"),
        ({"points": True}, "points"),
        ({"points": 2**31}, "points"),
        ({"label": "a\nb"}, "label"),
        ({"label": "x" * 101}, "label"),
        ({"bonus": 1}, "bonus"),
    ],
)
def test_a_malformed_act_is_answered_by_field_and_does_not_spoil_the_others(
    services: Services, wrong: dict[str, Any], field: str
) -> None:
    create_board(services)
    person = Person.register(services)
    good, bad = act(person, 3), act(person, 3) | wrong
    before, answer, after = count(services, good, bad, act(person, 4))
    assert (before["status"], after["status"]) == ("counted", "counted")
    assert (answer["status"], set(answer["details"])) == ("invalid", {field})
    assert after["score"] == 7


@pytest.mark.parametrize("nothing", [None, 1, "act", [], [[]]])
def test_an_act_that_is_no_object_is_answered_too(services: Services, nothing: Any) -> None:
    create_board(services)
    (answer,) = count(services, nothing)
    assert answer == {"id": None, "status": "invalid", "details": {"act": ["Not an object."]}}


def test_players_are_found_by_their_names_in_any_letter_case(services: Services) -> None:
    board = create_board(services)
    person = Person.register(services)
    named = act(person, 9, username=person.username.upper())
    del named["userId"]
    assert statuses(services, named, named | {"username": "nobody_here"}) == [
        "counted",
        "unknown_user",
    ]
    assert rows(services, board) == [(1, person.user_id, 9)]


def test_no_service_scores_on_a_board_of_players(services: Services) -> None:
    person = Person.register(services)
    assert statuses(services, act(person, 1, board="main"), boards=("main",)) == ["unknown_board"]


def test_equal_scores_share_a_rank_and_the_first_to_reach_stands_first(services: Services) -> None:
    board = create_board(services)
    ada, bob, cyd = (Person.register(services) for _ in range(3))
    count(services, act(ada, 7), act(cyd, 2))
    count(services, act(bob, 7))
    expected = [(1, ada.user_id, 7), (1, bob.user_id, 7), (3, cyd.user_id, 2)]
    assert rows(services, board) == expected
    period = services.standings.period(board, None, None)
    first = services.standings.top(board, period, 1)
    assert first.next is not None
    second = services.standings.page(board, period, first.next, 1)
    assert second.next is not None
    third = services.standings.page(board, period, second.next, 5)
    pages = [*first.rows, *second.rows, *third.rows]
    assert [(row.rank, row.user_id, row.score) for row in pages] == expected
    assert third.next is None
    around = services.standings.around(board, period, bob.user_id, 1)
    assert [(row.rank, row.user_id, row.score) for row in around.rows] == expected


def test_a_ban_takes_the_player_off_every_board_and_an_unban_puts_them_back(
    services: Services,
) -> None:
    quiz, golf = create_board(services), create_board(services, "golf", better="low")
    ada, bob = Person.register(services), Person.register(services)
    boards = ("quiz", "golf")
    count(services, act(ada, 5), act(bob, 4), act(ada, 0, board="golf"), boards=boards)
    services.moderation.ban(OPERATOR, ada.user_id)
    assert rows(services, quiz) == [(1, bob.user_id, 4)]
    assert rows(services, golf) == []
    services.moderation.unban(OPERATOR, ada.user_id)
    assert rows(services, quiz) == [(1, ada.user_id, 5), (2, bob.user_id, 4)]
    assert rows(services, golf) == [(1, ada.user_id, 0)]
    services.moderation.delete(OPERATOR, ada.user_id)
    assert rows(services, quiz) == [(1, bob.user_id, 4)]
    assert services.ledger_check.verify().sound


def test_points_of_other_boards_change_nothing_on_main(services: Services) -> None:
    create_board(services)
    person = Person.register(services)
    assert person.score().score == 1
    count(services, act(person, 500))
    assert person.score().score == 2
    assert services.moderation.revoke_points(OPERATOR, person.user_id).revoked_points == 2
    assert services.ledger_check.verify().sound
    history = services.history.since(datetime.now(UTC))
    assert all(point.score <= 2 for series in history.series for point in series.points)


def test_batches_that_overlap_in_different_order_count_each_act_once(services: Services) -> None:
    board = create_board(services)
    people = [Person.register(services) for _ in range(8)]
    acts = [act(person, 1) for person in people for _ in range(20)]
    batches = [acts[start:] + acts[:start] for start in range(0, 160, 20)]
    # Some of the same ids with other players, whose insertions wait for each other.
    for number, batch in enumerate(batches):
        batch[number] = batch[number] | {"userId": people[-1 - number].user_id}
    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda batch: count(services, *batch), batches * 3))
    counted = [answer for reply in replies for answer in reply if answer["status"] == "counted"]
    assert len(counted) == len({answer["id"] for answer in counted})
    assert sum(row[2] for row in rows(services, board)) == len(acts)
    assert services.ledger_check.verify().sound


def test_two_boards_do_not_share_a_key(services: Services) -> None:
    create_board(services)
    with pytest.raises(ValidationFailed, match="exists"):
        create_board(services)
