"""Months in UTC, by which the ledger is partitioned; each is its first moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime


def month_of(moment: datetime) -> datetime:
    """The month in which that moment is."""
    there = moment.astimezone(UTC)
    return datetime(there.year, there.month, 1, tzinfo=UTC)


def later(month: datetime, months: int) -> datetime:
    """The month that is so many later."""
    years, index = divmod(month.month - 1 + months, 12)
    return datetime(month.year + years, index + 1, 1, tzinfo=UTC)


def months_between(first: datetime, last: datetime) -> Iterator[datetime]:
    """From the first to the last, both included."""
    while first <= last:
        yield first
        first = later(first, 1)
