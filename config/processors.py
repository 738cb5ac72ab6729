"""Which CPUs the threads of a worker run on.

Only one thread of a process runs Python at a time. Spread over the CPUs they pass the interpreter's
lock from one to the other, which has to be woken for it; on one CPU the next just goes on. At full
load that is a tenth more (docs/performance.md). But a process that keeps to one CPU can't
be moved to one that is idle; where each CPU has its worker, there is seldom one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

CAN_KEEP = hasattr(os, "sched_setaffinity")
"""Linux can; elsewhere nothing here does anything."""
ALLOWED = frozenset(os.sched_getaffinity(0)) if CAN_KEEP else frozenset()
"""The CPUs that this process was given when it began."""


def one_each(workers: int) -> bool:
    """Whether so many workers are one for each CPU."""
    return CAN_KEEP and workers == len(ALLOWED)


def freest(taken: Iterable[int | None]) -> int | None:
    """The CPU that fewest of those who have taken one are on."""
    if not CAN_KEEP:
        return None
    others = list(taken)
    return min(sorted(ALLOWED), key=others.count)


def keep_to(processor: int) -> None:
    """Keep the calling thread on one CPU, and every thread that it begins from now on."""
    os.sched_setaffinity(0, {processor})


@contextmanager
def on_any() -> Iterator[None]:
    """Let the calling thread run on every CPU for a while, for work that needs no Python."""
    before = os.sched_getaffinity(0) if CAN_KEEP else ALLOWED
    if before == ALLOWED:
        yield
        return
    os.sched_setaffinity(0, ALLOWED)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
