"""How hard the suite tries: a little in `make test`, for long in `make fuzz`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

FACTOR = int(os.environ.get("FUZZ_FACTOR", "1"))
"""So many times what the suite does."""
LONG = FACTOR > 1
EXAMPLE_SEED = None if LONG else 1
"""The same cases in each run of the suite; new ones in each long run."""


def sequences(examples: int, steps: int) -> settings:
    """So many sequences of events, of at most so many steps."""
    return settings(
        max_examples=examples * FACTOR,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=not LONG,
        suppress_health_check=list(HealthCheck),
    )
