"""When a freeze begins, and which day it belongs to: PostgreSQL's clock decides alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import psycopg2
import pytest
from sqlalchemy import text

from tests.app.boards.test_clock import database_time, set_times
from tests.support.players import Person
from tests.support.servers import Stores
from tests.support.service_acts import OPERATOR, act, count, create_board, rows, zone_at_noon
from tests.support.services import Services

pytestmark = pytest.mark.slow

# What the database has if the acts so far were counted a day earlier.
A_DAY_EARLIER = (
    "UPDATE boards SET freezes_at = freezes_at - interval '1 day' WHERE key = 'quiz'",
    "UPDATE hidden_acts SET created_at = created_at - interval '1 day'",
    *(
        f"UPDATE {table} SET starts_on = starts_on - 1 WHERE period = 'day'"
        for table in ("standings", "hidden_standings")
    ),
)


def test_a_freeze_needs_no_process_at_its_moment(
    stores: Stores, make_services: Callable[..., Services]
) -> None:
    services = make_services()
    board = create_board(services, periods=("day", "all"), time_zone=zone_at_noon())
    ada = Person.register(services)
    count(services, act(ada, 10))
    freezes_at = database_time(services) + timedelta(seconds=0.5)
    set_times(services, freezes_at=freezes_at)
    services.close()
    with (
        closing(psycopg2.connect(stores.database_url)) as connection,
        connection.cursor() as cursor,
    ):
        # Nothing of ours runs at that moment, and PostgreSQL's clock decides to the microsecond.
        cursor.execute("SELECT pg_sleep(greatest(0, extract(epoch FROM %s - now())))", [freezes_at])
        cursor.execute(
            "SELECT hides_acts(b, freezes_at), hides_acts(b, freezes_at - interval '1 us')"
            " FROM boards b WHERE key = 'quiz'"
        )
        assert cursor.fetchone() == (True, False)
    later = make_services()
    assert "score" not in count(later, act(ada, 30))[0]
    assert rows(later, board) == [(1, ada.user_id, 10)]
    assert later.reveals.state("quiz").remaining == 1


def test_a_freeze_over_midnight_is_revealed_by_the_day_in_which_it_began(
    services: Services,
) -> None:
    board = create_board(services, periods=("day", "all"), time_zone=zone_at_noon())
    ada, bob, eve = (Person.register(services) for _ in range(3))
    count(services, act(ada, 10), act(bob, 20))
    set_times(services, freezes_at="now")
    count(services, act(ada, 15), act(eve, 5))
    with services.database.transaction() as connection:
        for statement in A_DAY_EARLIER:
            connection.execute(text(statement))
    # The second day: Ada and Bob score in it, and Bob's first day has no hidden act.
    count(services, act(bob, 1), act(ada, 2))
    assert rows(services, board) == []
    yesterday = services.standings.period(board, None, database_time(services) - timedelta(days=1))

    def first_day() -> list[tuple[str, int]]:
        return [(r.user_id, r.score) for r in services.standings.export(board, yesterday)]

    steps = []
    while (state := services.reveals.reveal(OPERATOR, "quiz", "act")).moves:
        (move,) = state.moves
        steps.append((move.user_id, move.from_rank, move.to_rank))
    # Eve has no place, and Ada is below Bob until her act of the first day is shown.
    assert steps == [
        (eve.user_id, None, 3),
        (ada.user_id, 2, 1),
        (bob.user_id, 2, 2),
        (ada.user_id, 1, 1),
    ]
    assert first_day() == [(ada.user_id, 25), (bob.user_id, 20), (eve.user_id, 5)]
    assert rows(services, board) == [(1, ada.user_id, 2), (2, bob.user_id, 1)]
    for _ in steps:
        services.reveals.undo(OPERATOR, "quiz")
    assert first_day() == [(bob.user_id, 20), (ada.user_id, 10)]
    assert rows(services, board) == []
