"""Months in UTC, by which the ledger is partitioned. A month is its first moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime


def month_of(moment: datetime) -> datetime:
    """The month that contains the moment."""
    in_utc = moment.astimezone(UTC)
    return datetime(in_utc.year, in_utc.month, 1, tzinfo=UTC)


def add_months(month: datetime, months: int) -> datetime:
    """The month that is `months` later."""
    years, index = divmod(month.month - 1 + months, 12)
    return datetime(month.year + years, index + 1, 1, tzinfo=UTC)


def months_between(first: datetime, last: datetime) -> Iterator[datetime]:
    """The months from the first to the last, both included."""
    while first <= last:
        yield first
        first = add_months(first, 1)
