"""Fixtures: operators' commands in this process, over the stores of the test's services."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import Result
from structlog.testing import capture_logs

from app.factory import create_app
from tests.support.services import Services

Run = Callable[..., Result]


@pytest.fixture
def run(services: Services) -> Run:
    """Runs `flask` with these words; `typed` is the text on stdin."""
    return runner(services)


def runner(services: Services) -> Run:
    """The same with the settings of other services."""
    cli = create_app(services).test_cli_runner()

    def run(*words: str, typed: str | None = None) -> Result:
        # Without configure_logging, log lines would be part of the command's output.
        with capture_logs():
            return cli.invoke(args=words, input=typed)

    return run
