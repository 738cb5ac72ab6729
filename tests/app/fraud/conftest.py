"""Services with the fraud rules at their real numbers."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

import pytest

from app.composition import Services
from config.settings import Settings, load_settings
from tests.app.fraud.clock import SetClock
from tests.environment import base_environment

RULE_1 = {"FRAUD_RAPID_MAX": "8"}
DESIGN_LIMITS = {"TOKEN_LIMIT": "10 per minute", "INCREMENT_LIMIT": "5 per minute"}


@pytest.fixture
def any_settings() -> Settings:
    """Settings with the fraud rules as they come."""
    places = {"DATABASE_URL": "postgresql://nowhere/none", "REDIS_URL": "redis://nowhere"}
    variables = base_environment() | places | {"FRAUD_RAPID_MAX": ""}
    with patch.dict("os.environ", variables):
        return load_settings()


@pytest.fixture
def watched(make_services: Callable[..., Services]) -> Services:
    """Rule 1 as designed, limits out of the way."""
    return make_services(**RULE_1)


@pytest.fixture
def strict(make_services: Callable[..., Services]) -> Services:
    """Rule 1 and the limits as designed."""
    return make_services(**RULE_1, **DESIGN_LIMITS)


@pytest.fixture
def clock(watched: Services) -> SetClock:
    """The clock by which the watched services admit."""
    return SetClock(watched.redis, watched.scoring._admission)
