"""The order of the test files, so that the workers of a run end at about the same time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

LONG_FILES = (
    "system/test_main_job.py",
    "tools/test_demo.py",
    "faults/test_redis_dies.py",
    "system/test_rolling_restart.py",
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
    "browser/contest/test_contest.py",
    "system/servers/test_gunicorn_options.py",
    "browser/standings/test_standings.py",
    "system/servers/test_any_wsgi_server.py",
    "browser/test_page.py",
    "browser/boards/test_board_pages.py",
    "browser/display/test_display.py",
    "browser/boards/test_embed.py",
    "browser/test_accessibility.py",
)
"""The longest files, below tests/. Files that wait follow files that work."""


def longest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests, by file: LONG_FILES, then all other files with slow tests, then the fast ones."""
    slow = {_file_of(item) for item in items if item.get_closest_marker("slow")}
    ranks = {f"tests/{name}": rank for rank, name in enumerate(LONG_FILES)}

    def rank(item: pytest.Item) -> int:
        file = _file_of(item)
        return ranks.get(file, len(ranks) + (file not in slow))

    return sorted(items, key=rank)


def _file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]
