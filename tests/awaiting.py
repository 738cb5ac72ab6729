"""Waiting for what other threads and processes do, with a limit instead of a sleep."""

from __future__ import annotations

import time
from collections.abc import Callable


def await_true(condition: Callable[[], object], seconds: float) -> None:
    """Return as soon as the condition holds; fails the test when it doesn't within `seconds`."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"it did not come true within {seconds} s"
        time.sleep(0.005)
