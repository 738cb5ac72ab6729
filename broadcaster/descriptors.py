"""File descriptors: every viewer is one, and a process may have only so many."""

from __future__ import annotations

import resource

import structlog

SPARE = 200
"""For the stores, the log, and handshakes that are not done."""

log = structlog.stdlib.get_logger(__name__)


def viewers_that_fit(wanted: int) -> int:
    """How many viewers this process can hold, `wanted` at most.

    Raises the process's own limit as far as the system lets it: most systems start a process with
    far fewer than it may have.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + SPARE
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    granted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))
    if granted < needed:
        log.warning("fewer_viewers_fit", wanted=wanted, descriptors=granted)
    return max(0, granted - SPARE)
