"""The order of the test files, so that the workers of a run end at about the same time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

LONG_FILES = (
    "system/test_main_job.py",
    "tools/test_demo.py",
    "faults/test_redis_dies.py",
    "tools/test_watch.py",
    "faults/test_service_scores.py",
    "tools/local/test_local.py",
    "system/test_shutdown.py",
    "browser/compatibility/test_browser_support.py",
    "app/api/test_without_dependencies.py",
    "faults/test_clients_and_clocks.py",
    "broadcaster/board/test_boards.py",
    "browser/loading/test_first_board.py",
    "broadcaster/test_redis_faults.py",
    "browser/connection/test_wake.py",
    "deploy/test_two_versions.py",
    "browser/connection/test_shared_sessions.py",
    "faults/test_postgres_dies.py",
    "browser/connection/test_failures.py",
    "faults/test_processes_die.py",
    "broadcaster/handshake/test_handshake_storms.py",
)
"""The files of more than half a minute, below tests/. Those that wait follow those that work."""


def longest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests, by file: LONG_FILES, then all other files with slow tests, then the fast ones.

    The slow tests before those of the browser mostly wait, and those work. They alternate, because
    workers that all wait leave the CPUs idle.
    """
    files = list(dict.fromkeys(map(_file_of, items)))
    slow = {_file_of(item) for item in items if item.get_closest_marker("slow")}
    long = [f"tests/{name}" for name in LONG_FILES]
    others = [file for file in files if file in slow and file not in long]
    last = max((place for place, file in enumerate(others) if _is_of_browser(file)), default=-1)
    first, rest = others[: last + 1], others[last + 1 :]
    fast = [file for file in files if file not in slow and file not in long]
    order = [*long, *_alternated(first), *rest, *fast]
    ranks = {file: rank for rank, file in enumerate(order)}
    return sorted(items, key=lambda item: ranks[_file_of(item)])


def _alternated(files: Sequence[str]) -> list[str]:
    """The files of the browser at equal distances among the others."""
    browser = [file for file in files if _is_of_browser(file)]
    others = [file for file in files if not _is_of_browser(file)]
    places = {
        file: (place + 0.5) / len(group)
        for group in (browser, others)
        for place, file in enumerate(group)
    }
    return sorted(files, key=lambda file: places[file])


def _is_of_browser(file: str) -> bool:
    return file.startswith("tests/browser/")


def _file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]
