"""Fixtures: a primary with a replica, and the services of a process that reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.replica import Pair, replicated
from tests.support.servers import store_folder
from tests.support.services import Services


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with store_folder() as folder, replicated(folder) as made:
        yield made


@pytest.fixture
def settings(pair: Pair) -> dict[str, str]:
    return pair.create()


@pytest.fixture
def services(make_services: Callable[..., Services], settings: dict[str, str]) -> Services:
    """The services of a process; the position is known, as after a pass of the reconciler."""
    made = make_services(**settings)
    made.reconciler.run_pass()
    return made
