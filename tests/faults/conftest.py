"""Fixture: a trial of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.trial import Trial, trial


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[Trial]:
    """A trial under load, fifty viewers watching."""
    with trial(tmp_path) as running:
        yield running
