"""Fixtures of tests on services in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app.background import Background
from app.composition import Services

StartBackground = Callable[[Services], None]


@pytest.fixture
def start_background(
    make_services: Callable[..., Services],
) -> Iterator[StartBackground]:
    """Starts what a web process runs beside its requests; it ends with the test."""
    started: list[Background] = []

    def start(services: Services) -> None:
        started.append(Background(services))
        started[-1].start()

    yield start
    for background in started:
        background.stop()


@pytest.fixture
def queries() -> Iterator[list[str]]:
    """The statements that SQLAlchemy sends while the test runs."""
    sent: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)
