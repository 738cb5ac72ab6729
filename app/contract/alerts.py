"""The kinds of alerts for operators; the API and the broadcaster raise the same kinds."""

from __future__ import annotations

from enum import Enum


class AlertKind(Enum):
    """The name identifies the alert; docs/operations.md says what to do about each."""

    DB_ERROR = "PostgreSQL failed or did not answer"
    REDIS_UNAVAILABLE = "Redis failed or did not answer"
    INTERNAL_ERROR = "A request failed because of a bug"
    AFTER_COMMIT_FAILED = (
        "Committed changes could not be applied in Redis; the reconciler will apply them"
    )
    INDEX_NOT_KEPT = "The rank index could not be reconciled for a while"
    BOARD_NOT_READ = "A broadcaster can't read the board; viewers see an old one"
    PARTITIONS_NOT_PREPARED = (
        "The ledger's next partitions could not be created; points are still counted"
    )
    PART_FAILED = "A background part of a process failed and was restarted, or makes no progress"

    @property
    def meaning(self) -> str:
        return self.value


def cause_of(error: BaseException | None) -> str:
    """The cause of an error without secrets: no values of a statement, nothing that a client sent.

    For errors of the drivers and of this application it is the type and the first line of the
    message; for all others only the type.
    """
    root = error.__cause__ or error if error else None
    driver = getattr(root, "orig", None) or root
    if driver is None:
        return ""
    if type(driver).__module__.split(".")[0] in {"psycopg2", "redis", "app"}:
        lines = str(driver).strip().splitlines()
        return f"{type(driver).__name__}: {lines[0]}" if lines else type(driver).__name__
    return type(driver).__name__
