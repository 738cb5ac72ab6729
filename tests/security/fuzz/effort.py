"""The number of generated cases: a few in `make test`, many in `make fuzz`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

FACTOR = int(os.environ.get("FUZZ_FACTOR", "1"))
"""Multiplies the number of cases."""
LONG = FACTOR > 1
EXAMPLE_SEED = None if LONG else 1
"""Each run of the suite generates the same cases, each long run new ones."""


def sequences(examples: int, steps: int) -> settings:
    """Settings for this number of sequences with at most this number of steps."""
    return settings(
        max_examples=examples * FACTOR,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=not LONG,
        suppress_health_check=list(HealthCheck),
    )
