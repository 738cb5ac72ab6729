"""`python -m bench.reveal [VIEWERS]`: the time from a step to the board of each viewer."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import text

from bench.fanout.system import SETTINGS
from bench.fanout.worker import Worker
from tests.support.players import PASSWORD, Person
from tests.support.servers import Stores, migrate
from tests.support.service_acts import OPERATOR, act, count, create_board
from tests.support.services import Services, services_in
from tests.support.system.harness import SystemHarness
from tools.local.embedded import EmbeddedPostgres, EmbeddedValkey

PLAYERS, ACCOUNTS, STEPS = 50, 10, 40
STEPS_PER_SECOND = 2.0
SETTLE_SECONDS = 3.0
LIMIT_SECONDS = 1.0
"""Promised, for every viewer."""
BOARD = "quiz"
_MADE_AT = text("SELECT extract(epoch FROM made_at) FROM reveal_steps ORDER BY number DESC LIMIT 1")


def main() -> int:
    """Print the delays; returns 1 if a viewer saw a step too late or not at all."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    with (
        TemporaryDirectory(prefix="bench-reveal-") as folder,
        EmbeddedPostgres(Path(folder) / "postgres") as postgres,
        EmbeddedValkey(Path(folder) / "valkey") as valkey,
    ):
        migrate(postgres.url)
        logs = Path(folder) / "logs"
        logs.mkdir()
        limits = {"MAX_VIEWERS_PER_USER": str(number)}
        with (
            SystemHarness(
                Stores(postgres.url, valkey.url), logs, variables=SETTINGS | limits
            ) as system,
            services_in(system.environment()) as services,
            Worker("bench.reveal.viewer_process") as viewers,
        ):
            tokens = _prepare(services)
            viewers.call(
                "connect", port=system.broadcaster_port, number=number, tokens=tokens,
                kind="websocket",
            )  # fmt: skip
            viewers.call("watch", board=BOARD)
            time.sleep(SETTLE_SECONDS)
            viewers.call("start_recording")
            changes = _reveal(services)
            time.sleep(SETTLE_SECONDS)
            recorded = viewers.call("stop_recording")
            delays = viewers.call("delays", changes=changes)
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {number:,} viewers, {STEPS} steps,"
        f" {STEPS_PER_SECOND:g} a second. From the commit of a step to a viewer's board, ms:"
        f" median {delays['p50'] * 1e3:.0f}, p99 {delays['p99'] * 1e3:.0f},"
        f" last {delays['max'] * 1e3:.0f}. Never shown: {delays['missing']};"
        f" viewers lost: {recorded['closed']}"
    )
    complete = not delays["missing"] and not recorded["closed"]
    return 0 if complete and delays["max"] <= LIMIT_SECONDS else 1


def _prepare(services: Services) -> list[str]:
    """Make a frozen board with hidden acts; access tokens of viewers."""
    create_board(services, BOARD)
    people = [Person.register(services) for _ in range(PLAYERS)]
    count(services, *(act(person, 1 + n) for n, person in enumerate(people)))
    services.boards.edit(OPERATOR, BOARD, times={"freezes_at": "now"})
    count(services, *(act(person, 500 + n) for n, person in enumerate(people)))
    return [
        services.accounts.log_in(person.username, PASSWORD).tokens.access_token
        for person in people[:ACCOUNTS]
    ]


def _reveal(services: Services) -> list[tuple[float, int]]:
    """Make the steps; of each, the time of its record in Unix seconds and the board's version."""
    board = services.boards.find(BOARD)
    period = services.standings.period(board, None, None)
    made, started = list[tuple[float, int]](), time.monotonic()
    for number in range(1, STEPS + 1):
        services.reveals.reveal(OPERATOR, BOARD, "act", number)
        version = services.standings.top(board, period, 1).version
        assert version and (not made or version > made[-1][1])
        with services.database.reading() as connection:
            made.append((float(connection.execute(_MADE_AT).scalar_one()), version))
        time.sleep(max(0.0, started + number / STEPS_PER_SECOND - time.monotonic()))
    return made


if __name__ == "__main__":
    sys.exit(main())
