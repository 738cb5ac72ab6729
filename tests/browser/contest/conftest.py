"""Fixtures: a system with 120 finalists, one for each module."""

from __future__ import annotations

import pytest

from tests.browser.contest.sample_finals import insert_finalists
from tests.support.services import Services


@pytest.fixture(scope="module")
def finalists(services: Services) -> list[str]:
    return insert_finalists(services)
