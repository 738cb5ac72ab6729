"""The end of a day, week or month while nothing runs, and a clock that is set back over it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.boards.board import PERIODS
from app.boards.periods import period_at
from app.contract.standings import PeriodKind
from tests.support.environment import FAKETIME, base_environment
from tests.support.faults.postgres_clock import PostgresWithClock
from tests.support.players import Person
from tests.support.servers import DatabaseServer, redis_server, store_folder
from tests.support.service_acts import act, act_id, count, create_board
from tests.support.services import Services, services_in

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FAKETIME is None, reason="Debian's package faketime is not installed"),
]
SECONDS_AROUND = 300


def count_at(services: Services, player: Person, points: int, ahead_seconds: int) -> None:
    """Count an act of a caller whose clock shows what PostgreSQL's clock shows."""
    sent = act(player, points, id=act_id(-1000 * ahead_seconds))
    (answer,) = count(services, sent)
    assert answer["status"] == "counted"
    assert count(services, sent)[0]["status"] == "repeated"


@pytest.mark.parametrize("ending", PERIODS[1:])
def test_each_act_around_the_end_of_a_period_at_which_nothing_ran_is_in_exactly_one_right_period(
    ending: PeriodKind, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    boundary = period_at(ending, "UTC", now).ends_at
    assert boundary is not None
    to_boundary = round((boundary - now) / timedelta(seconds=1))
    before, after = to_boundary - SECONDS_AROUND, to_boundary + SECONDS_AROUND
    with (
        store_folder() as folder,
        PostgresWithClock(folder, disposable=True) as postgres,
        redis_server(tmp_path) as valkey,
    ):
        database_url = DatabaseServer(postgres).create()
        environment = base_environment() | {
            "DATABASE_URL": database_url,
            "REDIS_URL": valkey.url,
        }
        with services_in(environment) as services:
            player = Person.register(services)
            board = create_board(services, periods=PERIODS, time_zone="UTC")
            postgres.set_clock(before)
            count_at(services, player, 1, before)
        postgres.stop()
        valkey.stop()
        postgres.set_clock_of_next_start(after)
        valkey.start()
        postgres.start()
        with services_in(environment) as services:
            count_at(services, player, 10, after)
            postgres.set_clock(before)
            count_at(services, player, 100, before)
            postgres.set_clock(after)
            count_at(services, player, 1000, after)
            for kind in PERIODS:
                found = {}
                for moment in (boundary - timedelta(seconds=1), boundary):
                    period = services.standings.period(board, kind, moment)
                    (row,) = services.standings.export(board, period)
                    found[period.starts_on] = row.score
                ends = kind != "all" and period_at(kind, "UTC", boundary).starts_at == boundary
                assert list(found.values()) == ([101, 1010] if ends else [1111]), kind
            assert services.ledger_check.verify().boards == ()
