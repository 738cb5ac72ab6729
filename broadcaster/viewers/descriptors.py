"""File descriptors: each viewer needs one, and the system limits them for each process."""

from __future__ import annotations

import structlog

from app.concurrency.descriptors import raise_descriptor_limit

RESERVED_DESCRIPTORS = 200
"""Descriptors for PostgreSQL, Redis, the log, and handshakes in progress."""

log = structlog.stdlib.get_logger(__name__)


def viewers_that_fit(wanted_viewers: int) -> int:
    """How many viewers the process can hold, at most `wanted_viewers`.

    Raises the process's limit of descriptors as far as the system allows.
    """
    needed = wanted_viewers + RESERVED_DESCRIPTORS
    granted = raise_descriptor_limit(needed)
    if granted < needed:
        log.warning("fewer_viewers_fit", wanted=wanted_viewers, descriptors=granted)
    return max(0, granted - RESERVED_DESCRIPTORS)
