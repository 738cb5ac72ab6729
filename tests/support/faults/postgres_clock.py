"""A PostgreSQL with a clock of its own, by libfaketime."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import psycopg2

from tests.support.environment import FAKETIME
from tests.support.waiting import await_true
from tools.local.embedded import EmbeddedPostgres


class PostgresWithClock(EmbeddedPostgres):
    """A PostgreSQL whose clock can be set while it runs."""

    def set_clock_of_next_start(self, seconds: int) -> None:
        """Let the server, which is stopped, start with a clock that many seconds ahead."""
        self._difference.write_text(f"{seconds:+d}s")

    def set_clock(self, seconds: int) -> None:
        """Set the clock that many seconds ahead of the machine's, and wait until it is."""
        self._difference.write_text(f"{seconds:+d}s")
        await_true(lambda: abs(self._measured() - seconds) < 1, 10)

    @property
    def _difference(self) -> Path:
        return self.data_dir / "clock"

    def _measured(self) -> float:
        with closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
            return float(cursor.fetchall()[0][0]) - time.time()

    def _command(self) -> list[str | Path]:
        if not self._difference.exists():
            self._difference.write_text("+0s")
            self._difference.chmod(0o644)
        settings = {
            "LD_PRELOAD": FAKETIME,
            "FAKETIME_TIMESTAMP_FILE": self._difference,
            "FAKETIME_NO_CACHE": 1,
            "FAKETIME_DONT_FAKE_MONOTONIC": 1,
        }
        return [
            "env",
            *(f"{name}={value}" for name, value in settings.items()),
            *super()._command(),
        ]
