"""Which CPUs the threads of a worker run on.

Only one thread of a process runs Python at a time. If the threads are spread over the CPUs, each
hand-over of the interpreter's lock wakes another CPU; on one CPU the next thread continues. At full
load that is a tenth more requests (docs/performance.md). A pinned process can't move to an idle
CPU, but if each CPU has its own worker an idle CPU is rare.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

CAN_PIN = hasattr(os, "sched_setaffinity")
"""Whether the system can pin threads (Linux can); elsewhere these functions do nothing."""
ALLOWED_CPUS = frozenset(os.sched_getaffinity(0)) if CAN_PIN else frozenset()
"""The CPUs of this process when this module was imported, which has to be before pin_thread()."""


def one_worker_per_cpu(workers: int) -> bool:
    """Whether there are exactly as many workers as CPUs."""
    return CAN_PIN and workers == len(ALLOWED_CPUS)


def least_used_cpu(used: Iterable[int | None]) -> int | None:
    """The CPU that occurs least often in `used`; None if the system can't pin."""
    if not CAN_PIN:
        return None
    others = list(used)
    return min(sorted(ALLOWED_CPUS), key=others.count)


def pin_thread(cpu: int) -> None:
    """Pin the calling thread, and all threads that it starts from now on, to one CPU."""
    os.sched_setaffinity(0, {cpu})


@contextmanager
def unpinned() -> Iterator[None]:
    """Let the calling thread run on every CPU for the block, for work that needs no Python."""
    before = os.sched_getaffinity(0) if CAN_PIN else ALLOWED_CPUS
    if before == ALLOWED_CPUS:
        yield
        return
    os.sched_setaffinity(0, ALLOWED_CPUS)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
