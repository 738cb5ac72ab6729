"""Partitions of the ledger: coming months are prepared, old ones detached with their sums kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Connection

from app.alerting.alerts import Alerts
from app.audit import audit_rows
from app.audit.audited_change import Initiator
from app.contract.alerts import AlertKind
from app.contract.errors import DatabaseUnavailable, ValidationFailed
from app.ledger import action_rows
from app.ledger import partition_rows as rows
from app.ledger.months import add_months, month_of, months_between
from app.ledger.partition_rows import Partition
from app.storage.database import Database

MONTHS_AHEAD = 3
COMMAND_LOCK_ATTEMPTS = 600
"""How often an operator's command tries to lock the tables; one attempt takes about a second."""
PREPARE_INTERVAL_SECONDS = 3600.0
ALERT_AFTER_FAILURES = 24
"""Failed attempts in a row before an alert; a dump may lock the tables for hours."""

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Overview:
    """The partitions, and the number of actions in none of their months."""

    partitions: Sequence[Partition]
    outside: int


@dataclass(frozen=True)
class Detached:
    """The detached tables, and the number of users whose sum was carried over."""

    tables: Sequence[str] = ()
    carried: int = 0


class Partitions:
    """Each operation is one transaction: it is done or not done, and may be repeated."""

    def __init__(self, database: Database, max_token_seconds: int) -> None:
        """`max_token_seconds`: the longest time in which a token may be spent."""
        self._database = database
        self._settled = max(rows.SETTLED, timedelta(seconds=2 * max_token_seconds))

    def overview(self) -> Overview:
        """The existing partitions; raises DatabaseUnavailable."""
        with self._database.reading() as connection:
            return Overview(rows.partitions(connection), rows.rows_in_default(connection))

    def prepare(
        self,
        initiator: Initiator,
        months: int = MONTHS_AHEAD,
        attempts: int = COMMAND_LOCK_ATTEMPTS,
    ) -> Sequence[str]:
        """Create the missing partitions up to `months` after this month; their names.

        With one attempt it does nothing if another process is changing the partitions. Raises
        DatabaseUnavailable, also if the tables could not be locked.
        """
        with self._database.transaction() as connection:
            if not rows.lock_partitions(connection, wait=attempts > 1):
                return ()
            missing = _missing(connection, months)
            if not missing:
                return ()
            names = rows.attach_months(connection, missing, attempts)
            details = {"tables": names}
            audit_rows.insert(connection, initiator, "prepare-partitions", None, details)
        return names

    def detach(
        self, initiator: Initiator, before: datetime, attempts: int = COMMAND_LOCK_ATTEMPTS
    ) -> Detached:
        """Detach the months before that one, and carry over what each user scored in them.

        Raises ValidationFailed if tokens of one of these months may still be counted.
        """
        self.prepare(initiator, attempts=attempts)
        with self._database.transaction() as connection:
            rows.lock_partitions(connection, wait=True)
            names, cut = self._settled_before(connection, before)
            if not names:
                return Detached()
            rows.block_writes(connection, names)
            carried = rows.carry_sums(connection, cut)
            tables = rows.detach(connection, names, attempts)
            details = {"before": f"{cut:%Y-%m}", "tables": tables, "carried": carried}
            audit_rows.insert(connection, initiator, "detach-partitions", None, details)
        return Detached(tables, carried)

    def _settled_before(
        self, connection: Connection, before: datetime
    ) -> tuple[Sequence[str], datetime]:
        """The partitions that end by then, and the end of the last one."""
        if _now(connection) < before + self._settled:
            raise ValidationFailed(
                f"Tokens of the months before {before:%Y-%m} may still be counted;"
                f" they can be detached from {before + self._settled:%Y-%m-%d %H:%M}Z on"
            )
        found = [each for each in rows.partitions(connection) if each.end <= before]
        cut = found[-1].end if found else before
        return [each.name for each in found], cut


class PartitionScheduler:
    """Prepares the partitions of coming months without an operator."""

    INITIATOR = Initiator("time", "a month without a partition is coming")

    def __init__(self, partitions: Partitions, alerts: Alerts) -> None:
        self._partitions = partitions
        self._alerts = alerts
        self._next_attempt_at = 0.0
        self._failures = 0

    def prepare_if_due(self) -> None:
        """Prepare once an hour; a failure is logged, and alerted if it continues for a day.

        Increments are counted in the default partition in the meantime.
        """
        if time.monotonic() < self._next_attempt_at:
            return
        self._next_attempt_at = time.monotonic() + PREPARE_INTERVAL_SECONDS
        try:
            if made := self._partitions.prepare(self.INITIATOR, attempts=1):
                log.info("partitions_prepared", tables=made)
            self._failures = 0
        except DatabaseUnavailable as error:
            log.warning("partitions_not_prepared", cause=str(error.__cause__ or error))
            self._failures += 1
            if self._failures >= ALERT_AFTER_FAILURES:
                self._alerts.report(AlertKind.PARTITIONS_NOT_PREPARED, error)


def _missing(connection: Connection, months: int) -> Sequence[datetime]:
    """Months without a partition since the end of the oldest partition."""
    present = rows.partitions(connection)
    last = add_months(month_of(_now(connection)), months)
    begins = {each.begin for each in present}
    return [month for month in months_between(present[0].end, last) if month not in begins]


def _now(connection: Connection) -> datetime:
    return datetime.fromtimestamp(action_rows.now(connection) / 1e6, UTC)
