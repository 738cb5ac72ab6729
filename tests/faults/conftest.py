"""Fixture: a running system for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.faults.harness import FaultHarness, fault_harness


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[FaultHarness]:
    """A system under load, with fifty viewers."""
    with fault_harness(tmp_path) as running:
        yield running
