"""Fixtures: a running system under load, shared by the tests of a file or a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.faults.harness import FaultHarness, FaultSystem, fault_system, under_load
from tests.support.service_acts import OPERATOR
from tests.support.services import services_in


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultSystem]:
    with fault_system(tmp_path_factory.mktemp("shared")) as running:
        yield running


@pytest.fixture
def harness(shared: FaultSystem) -> Iterator[FaultHarness]:
    """A system under load, with fifty viewers, for tests after which all processes run again.

    Afterwards its players are banned, so that the players of the next test lead the board.
    """
    with under_load(shared) as running:
        yield running
    with services_in(shared.system.environment()) as services:
        for player in running.load.players:
            services.moderation.ban(OPERATOR, player.user_id)


@pytest.fixture
def own_harness(tmp_path: Path) -> Iterator[FaultHarness]:
    """The same on a system that no other test uses."""
    with fault_system(tmp_path) as system, under_load(system) as running:
        yield running
