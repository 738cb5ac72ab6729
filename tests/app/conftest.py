"""Fixtures for tests of services in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app.boards import board_rows
from app.boards.board import BoardSettings
from app.boards.clock import Clock
from app.composition.api import build_background
from app.maintenance.background import Background
from tests.support.services import Services

StartBackground = Callable[[Services], None]


@pytest.fixture
def start_background(
    make_services: Callable[..., Services],
) -> Iterator[StartBackground]:
    """Starts the background threads of an API process, which end with the test."""
    started: list[Background] = []

    def start(services: Services) -> None:
        started.append(build_background(services))
        started[-1].start()

    yield start
    for background in started:
        background.stop()


@pytest.fixture
def key_boards(services: Services) -> None:
    """The boards that tests of service keys name, without entries in the audit trail."""
    with services.database.transaction() as connection:
        for key in ("finals", "quiz-night"):
            assert board_rows.insert(connection, BoardSettings(key, key), Clock())


@pytest.fixture
def queries() -> Iterator[list[str]]:
    """The statements that SQLAlchemy sends during the test."""
    sent: list[str] = []

    def record(_c: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", record)
    yield sent
    event.remove(Engine, "before_cursor_execute", record)
