"""Whether the mark of a rank index can be relied upon, and for what."""

from __future__ import annotations

import structlog

from app.leaderboard.index.index_rebuild import Mark
from app.ledger.action_rows import DatabaseTime

OVERLAP_US = 30_000_000
"""Each repair looks this far back beyond the mark: longer than MAX_CLOCK_STEP_US."""
MAX_GAP_SECONDS = 4.0
"""In a longer time from the end of a pass to the next one, a clock may have been set and set
back."""
MAX_CLOCK_STEP_US = 10_000_000
"""After a larger step of PostgreSQL's or Redis' clock the index is rebuilt."""
MAX_TRANSACTIONS = 2**31 - 1
"""PostgreSQL can compare the ids of rows with one that is at most this old."""

log = structlog.stdlib.get_logger(__name__)


def is_valid(mark: Mark, time: DatabaseTime, clock_offset: int) -> bool:
    """Whether all changes that may be missing are later than the mark; logs why not."""
    lead = mark.complete_until - time.now
    step = clock_offset - mark.clock_offset
    # Ids that are lower than before are those of another server, such as a restored one.
    transactions = time.next_id - mark.settled_id
    clocks_agree = lead <= MAX_CLOCK_STEP_US and abs(step) <= MAX_CLOCK_STEP_US
    if clocks_agree and 0 <= transactions <= MAX_TRANSACTIONS:
        return True
    log.warning(
        "index_mark_dropped",
        lead_seconds=lead / 1e6,
        clock_step_seconds=step / 1e6,
        transactions=transactions,
    )
    return False
