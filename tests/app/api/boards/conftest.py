"""Fixtures: an app over the services of the test, and a service key for its boards."""

from __future__ import annotations

import pytest
from flask import Flask

from app.factory import create_app
from tests.support.api_client import Caller
from tests.support.service_acts import OPERATOR, create_board
from tests.support.services import Services


@pytest.fixture
def app(services: Services) -> Flask:
    return create_app(services)


@pytest.fixture
def judge(app: Flask, services: Services) -> Caller:
    """A caller with a key for the board `quiz`, which this fixture creates."""
    create_board(services)
    key = services.service_keys.create(OPERATOR, "judge", ["quiz"], None)
    return Caller(app, "", key.text)
