"""API processes without a broadcaster, for tests that need settings or stores of their own."""

from __future__ import annotations

from pathlib import Path

from tests.support.servers import Stores
from tests.support.system.harness import SystemHarness


class ApiHarness(SystemHarness):
    """A running system of API processes only."""

    def __init__(
        self,
        stores: Stores,
        log_dir: Path,
        *,
        web_processes: int = 1,
        variables: dict[str, str] | None = None,
    ) -> None:
        super().__init__(
            stores, log_dir, web_processes=web_processes, broadcasters=0, variables=variables
        )
