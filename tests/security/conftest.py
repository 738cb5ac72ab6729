"""Fixtures: the API and the broadcaster of the system that tests share."""

from __future__ import annotations

import pytest

from tests.app.http.asking import Api
from tests.system.player import Player
from tests.system.running import RunningSystem


@pytest.fixture(scope="session")
def api(running_system: RunningSystem) -> Api:
    """The API of the system that tests share."""
    return Api(running_system.url)


@pytest.fixture(scope="session")
def broadcaster(running_system: RunningSystem) -> Api:
    """The broadcaster's HTTP side."""
    return Api(f"http://127.0.0.1:{running_system.broadcaster_port}")


@pytest.fixture
def player(running_system: RunningSystem) -> Player:
    """An account of the test's own, logged in."""
    return running_system.register()
