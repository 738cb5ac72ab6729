"""The ledger's months: the coming ones prepared, old ones detached with their sums carried on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Connection

from app.contract.alerts import AlertKind
from app.contract.errors import DatabaseUnavailable, ValidationFailed
from app.services.alerts import Alerts
from app.services.moderation import Act
from app.stores import audit, ledger
from app.stores import partitions as rows
from app.stores.database import Database
from app.stores.months import later, month_of, months_between
from app.stores.partitions import Partition

MONTHS_AHEAD = 3
PATIENT = 600
"""Times that an operator's command tries to lock the tables, one in about a second."""
LOOK_SECONDS = 3600.0
TRIES = 24
"""Looks in a row that have to fail before somebody is alerted; a dump is in the way for hours."""

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Overview:
    """The months that there are, and how many actions are of none of them."""

    partitions: Sequence[Partition]
    outside: int


@dataclass(frozen=True)
class Detached:
    """The tables that are no longer the ledger's, and for how many users a sum was carried on."""

    tables: Sequence[str] = ()
    carried: int = 0


class Partitions:
    """Each act is one transaction: it happens or it doesn't, and may be repeated."""

    def __init__(self, database: Database, longest_life_seconds: int) -> None:
        self._database = database
        self._settled = max(rows.SETTLED, timedelta(seconds=2 * longest_life_seconds))

    def overview(self) -> Overview:
        """What there is; raises DatabaseUnavailable."""
        with self._database.reading() as connection:
            return Overview(rows.partitions(connection), rows.outside(connection))

    def prepare(
        self, act: Act, months: int = MONTHS_AHEAD, attempts: int = PATIENT
    ) -> Sequence[str]:
        """Make every month up to so many after this one; the names of those that were missing.

        With one attempt it does nothing while another is at it. Raises DatabaseUnavailable, also
        where the tables could not be locked.
        """
        with self._database.transaction() as connection:
            if not rows.take_turn(connection, wait=attempts > 1):
                return ()
            missing = _missing(connection, months)
            if not missing:
                return ()
            names = rows.attach_months(connection, missing, attempts)
            audit.insert(
                connection, act.actor, "prepare-partitions", None, act.reason, {"tables": names}
            )
        return names

    def detach(self, act: Act, before: datetime, attempts: int = PATIENT) -> Detached:
        """Detach the months before that one; what each user made in them is carried on.

        Raises ValidationFailed for a month of which a token may still be counted.
        """
        self.prepare(act, attempts=attempts)
        with self._database.transaction() as connection:
            rows.take_turn(connection, wait=True)
            names, cut = self._settled_before(connection, before)
            if not names:
                return Detached()
            rows.hold(connection, names)
            carried = rows.carry(connection, cut)
            tables = rows.detach(connection, names, attempts)
            details = {"before": f"{cut:%Y-%m}", "tables": tables, "carried": carried}
            audit.insert(connection, act.actor, "detach-partitions", None, act.reason, details)
        return Detached(tables, carried)

    def _settled_before(
        self, connection: Connection, before: datetime
    ) -> tuple[Sequence[str], datetime]:
        """The partitions that end by then, and the end of the last."""
        if _now(connection) < before + self._settled:
            raise ValidationFailed(
                f"Tokens of the months before {before:%Y-%m} may still be counted;"
                f" they can be detached from {before + self._settled:%Y-%m-%d %H:%M}Z on"
            )
        found = [each for each in rows.partitions(connection) if each.end <= before]
        cut = found[-1].end if found else before
        return [each.name for each in found], cut


class PartitionKeeper:
    """Prepares the coming months by itself, in any web process that looks first."""

    ACT = Act("time", "a month without a partition is coming")

    def __init__(self, partitions: Partitions, alerts: Alerts) -> None:
        self._partitions = partitions
        self._alerts = alerts
        self._next_look = 0.0
        self._failed = 0

    def keep(self) -> None:
        """Look once an hour; what fails is tried again then, and harms no increment meanwhile."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_SECONDS
        try:
            if made := self._partitions.prepare(self.ACT, attempts=1):
                log.info("partitions_prepared", tables=made)
            self._failed = 0
        except DatabaseUnavailable as error:
            log.warning("partitions_not_prepared", cause=str(error.__cause__ or error))
            self._failed += 1
            if self._failed >= TRIES:
                self._alerts.report(AlertKind.PARTITIONS_NOT_PREPARED, error)


def _missing(connection: Connection, months: int) -> Sequence[datetime]:
    """Months without a partition since the end of the oldest one."""
    there = rows.partitions(connection)
    last = later(month_of(_now(connection)), months)
    begins = {each.begin for each in there}
    return [month for month in months_between(there[0].end, last) if month not in begins]


def _now(connection: Connection) -> datetime:
    return datetime.fromtimestamp(ledger.now(connection) / 1e6, UTC)
