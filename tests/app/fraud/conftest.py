"""Services with the fraud rules as the design has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from unittest.mock import patch

import pytest

from config.settings import Settings, load_settings
from tests.app.fraud.clock import SettableClock, settable_clock
from tests.support.environment import base_environment
from tests.support.services import Services

RULE_1 = {"FRAUD_RAPID_MAX": "8"}
DESIGN_LIMITS = {"TOKEN_LIMIT": "10 per minute", "INCREMENT_LIMIT": "5 per minute"}


@pytest.fixture(autouse=True)
def _clock_can_be_set() -> Iterator[None]:
    with settable_clock():
        yield


@pytest.fixture
def any_settings() -> Settings:
    """Settings with the default fraud rules."""
    stores = {"DATABASE_URL": "postgresql://nowhere/none", "REDIS_URL": "redis://nowhere"}
    variables = base_environment() | stores | {"FRAUD_RAPID_MAX": ""}
    with patch.dict("os.environ", variables):
        return load_settings()


@pytest.fixture
def watched(make_services: Callable[..., Services]) -> Services:
    """Rule 1 as designed, with limits that no test reaches."""
    return make_services(**RULE_1)


@pytest.fixture
def strict(make_services: Callable[..., Services]) -> Services:
    """Rule 1 and the limits as designed."""
    return make_services(**RULE_1, **DESIGN_LIMITS)


@pytest.fixture
def clock(watched: Services) -> SettableClock:
    """The clock by which the `watched` services admit."""
    return SettableClock(watched.redis)
