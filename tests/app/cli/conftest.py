"""Fixtures: operators' commands on the test's own services."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import Result

from app.composition import Services
from app.factory import create_app

Run = Callable[..., Result]


@pytest.fixture
def run(services: Services) -> Run:
    """Runs `flask` with these words; `typed` is what comes on stdin."""
    return runner(services)


def runner(services: Services) -> Run:
    """The same on other services."""
    cli = create_app(services).test_cli_runner()

    def run(*words: str, typed: str | None = None) -> Result:
        return cli.invoke(args=words, input=typed)

    return run
