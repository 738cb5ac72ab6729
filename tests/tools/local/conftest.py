"""Fixtures of the tests that start local runs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.system.harness import free_ports
from tests.tools.local.local_run import LocalRun, Start, stand_in_procfile, supervisor


@pytest.fixture
def directory() -> Iterator[Path]:
    # Not tmp_path: its parent is closed to the unprivileged user that runs PostgreSQL for root.
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


@pytest.fixture
def start(directory: Path) -> Iterator[Start]:
    """Starts the system with stand-in services, always in one directory and on the same ports."""
    ports = [str(port) for port in free_ports(2)]
    runs: list[LocalRun] = []

    def start_run(
        *, procfile: Path | None = None, command: list[str] | None = None, **environment: str
    ) -> LocalRun:
        chosen = command or supervisor(procfile or stand_in_procfile(directory))
        environment = {"PORT": ports[0], "BROADCASTER_PORT": ports[1]} | environment
        run = LocalRun(directory / "local", chosen, environment)
        runs.append(run)
        return run

    yield start_run
    for run in runs:
        run.clean_up()
