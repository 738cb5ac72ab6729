"""Periods: PostgreSQL and Python agree on each moment; periods neither overlap nor have gaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.boards.board import PERIODS
from app.boards.periods import Period, period_at
from app.contract.standings import PeriodKind
from tests.support.services import Services

# Half and quarter hours, the date line, changes at midnight, whole days that do not exist, and
# zones that changed their offset.
ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Lagos",
    "America/Asuncion",
    "America/Caracas",
    "America/Havana",
    "America/Los_Angeles",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Asia/Tokyo",
    "Atlantic/Azores",
    "Australia/Adelaide",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Europe/London",
    "Europe/Zurich",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "UTC",
)
_START = text("SELECT period_start(:period, :zone, to_timestamp(:moment))")
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


def changes_of(zone: str) -> list[datetime]:
    """The moments from 2010 to 2026 at which the clocks of the zone are changed."""
    moment, changes = datetime(2010, 1, 1, tzinfo=UTC), []
    step = timedelta(hours=1)
    while moment.year < 2026:
        later = moment + step * 24
        if (
            moment.astimezone(ZoneInfo(zone)).utcoffset()
            != later.astimezone(ZoneInfo(zone)).utcoffset()
        ):
            while (
                moment.astimezone(ZoneInfo(zone)).utcoffset()
                == (moment + step).astimezone(ZoneInfo(zone)).utcoffset()
            ):
                moment += step
            changes.append(moment + step)
        moment = later
    return changes


def starts_in_database(
    shared_services: Services, zone: str, moments: list[datetime]
) -> list[object]:
    """For each moment and kind, the first day as PostgreSQL computes it."""
    with shared_services.database.reading() as connection:
        return [
            connection.execute(
                _START, {"period": kind, "zone": zone, "moment": moment.timestamp()}
            ).scalar_one()
            for moment in moments
            for kind in PERIODS[1:]
        ]


@pytest.mark.parametrize("zone", ZONES)
def test_python_and_postgresql_agree_around_every_change_of_clocks_and_a_leap_day(
    shared_services: Services, zone: str
) -> None:
    offsets = [timedelta(minutes=minutes) for minutes in (-1500, -61, -31, -1, 0, 1, 31, 61, 1500)]
    leap_day = datetime(2024, 2, 29, tzinfo=ZoneInfo(zone))
    ends = [leap_day, leap_day + timedelta(days=1)]
    changes = [*changes_of(zone)[-6:], *(end.astimezone(UTC) for end in ends)]
    moments = [change + offset for change in changes for offset in offsets]
    expected = [period_at(kind, zone, each).starts_on for each in moments for kind in PERIODS[1:]]
    assert starts_in_database(shared_services, zone, moments) == expected


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(ZONES), st.sampled_from(PERIODS[1:]), MOMENTS)
def test_a_moment_lies_in_its_period_and_the_next_period_begins_where_it_ends(
    zone: str, kind: PeriodKind, moment: datetime
) -> None:
    period = period_at(kind, zone, moment)
    assert period.starts_at is not None
    assert period.ends_at is not None
    assert period.starts_at <= moment < period.ends_at
    following = period_at(kind, zone, period.ends_at)
    assert following != period
    assert following.starts_at == period.ends_at
    assert period_at(kind, zone, period.ends_at - timedelta(microseconds=1)) == period


def test_days_of_23_and_25_hours_follow_the_clocks_of_the_zone() -> None:
    def hours(day: datetime) -> float:
        period = period_at("day", "Europe/Zurich", day)
        assert period.starts_at is not None
        assert period.ends_at is not None
        return (period.ends_at - period.starts_at) / timedelta(hours=1)

    assert hours(datetime(2026, 3, 29, 12, tzinfo=UTC)) == 23
    assert hours(datetime(2026, 10, 25, 12, tzinfo=UTC)) == 25


def test_weeks_start_on_monday_and_all_time_has_no_bounds() -> None:
    sunday = datetime(2026, 11, 29, 12, tzinfo=UTC)
    week = period_at("week", "UTC", sunday)
    assert week.starts_at == datetime(2026, 11, 23, tzinfo=UTC)
    assert period_at("all", "UTC", sunday) == Period("all", None, "UTC")
    assert period_at("all", "UTC", sunday).ends_at is None
