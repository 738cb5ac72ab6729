"""Waits in the event loop of the test's own process."""

from __future__ import annotations

from collections.abc import Callable

import gevent


def await_greenlets(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Let the greenlets run until the condition holds; fail the test after `seconds`."""
    with gevent.Timeout(seconds):
        while not condition():
            gevent.sleep(0.001)
