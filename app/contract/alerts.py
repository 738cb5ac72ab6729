"""What operators are alerted of; the API and the broadcaster raise the same kinds."""

from __future__ import annotations

from enum import Enum
from typing import Literal

Dependency = Literal["redis", "database"]
_BOTH: frozenset[Dependency] = frozenset({"redis", "database"})

QUIET_SECONDS = 10.0
"""Without another occurrence, and with what it needs well, the trouble has ended."""
QUIET_UNCHECKED_SECONDS = 300.0
"""The same where no check can say that all is well."""


class AlertKind(Enum):
    """Its name is what an alert is known by; docs/operations.md says what to do about each."""

    DB_ERROR = "PostgreSQL failed or did not answer", frozenset[Dependency]({"database"})
    REDIS_UNAVAILABLE = "Redis failed or did not answer", frozenset[Dependency]({"redis"})
    INTERNAL_ERROR = "A request failed by a fault of ours", frozenset[Dependency]()
    AFTER_COMMIT_FAILED = (
        "Changes are committed but Redis could not be told; they will be placed by repair",
        frozenset[Dependency]({"redis"}),
    )
    INDEX_NOT_KEPT = "The rank index could not be kept for a while", _BOTH
    BOARD_NOT_READ = "A broadcaster can't read the board; viewers see an old one", _BOTH
    PARTITIONS_NOT_PREPARED = (
        "The coming months of the ledger could not be prepared; counting goes on without",
        frozenset[Dependency](),
    )
    PART_FAILED = "A broadcaster ended because a part of it failed", frozenset[Dependency]()

    def __init__(self, meaning: str, needs: frozenset[Dependency]) -> None:
        self.meaning = meaning
        self.needs = needs

    @property
    def quiet_seconds(self) -> float:
        return QUIET_SECONDS if self.needs else QUIET_UNCHECKED_SECONDS


def cause_of(error: BaseException | None) -> str:
    """What may be told outside of an error: never a statement's values, nor what a caller sent.

    A driver's first line names the trouble; of errors of our own making only the type is told.
    """
    root = error.__cause__ or error if error else None
    driver = getattr(root, "orig", None) or root
    if driver is None:
        return ""
    if type(driver).__module__.split(".")[0] in {"psycopg2", "redis", "app"}:
        lines = str(driver).strip().splitlines()
        return f"{type(driver).__name__}: {lines[0]}" if lines else type(driver).__name__
    return type(driver).__name__
