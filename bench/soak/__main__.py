"""`python -m bench.soak MINUTES`: runs load and viewers; exits with 1 if a resource still grows.

Players score on the board main, and a service on a second board with two periods.
It uses the harness, the load and the viewers of tests/support/faults.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.soak.resources import ResourceRecorder
from tests.support.faults.batch_load import service_board
from tests.support.faults.harness import FaultHarness, fault_system, under_load
from tests.support.faults.viewers import ReconnectingViewers

VISITORS, VISIT_SECONDS = 30, 5.0
PRINT_INTERVAL_SECONDS = 60
BATCH_PAUSE_SECONDS = 0.5
"""Of each of four senders of service scores, between two of its batches."""
LONG_TOKENS = {"ACCESS_TOKEN_SECONDS": "604800"}


def main() -> int:
    """Returns 0 if all resources are flat, 1 if one grows, 2 for invalid arguments."""
    try:
        (minutes,) = (float(word) for word in sys.argv[1:])
    except ValueError:
        print("usage: python -m bench.soak MINUTES", file=sys.stderr)
        return 2
    with (
        TemporaryDirectory(prefix="soak-") as logs,
        fault_system(Path(logs), variables=LONG_TOKENS) as system,
        under_load(system) as running,
        service_board(running, BATCH_PAUSE_SECONDS) as quiz,
    ):
        recorder = ResourceRecorder(running)
        with quiz.load.running():
            visits = soak(running, recorder, minutes * 60)
        quiz.check_counted_once()
        print(f"{len(quiz.load.acts)} service scores; each was counted once and is in the index")
        running.check_nothing_lost(time.monotonic())
        print_report(running, recorder, visits)
    return 0 if all(series.flat for series in recorder.series.values()) else 1


def soak(running: FaultHarness, recorder: ResourceRecorder, seconds: float) -> int:
    """Let visitors connect and leave; each record is taken with the same number of visitors.

    Returns the number of visits.
    """
    started = time.monotonic()
    printed_at, visits = started, 0
    tokens = [running.load.players[n % 10].access_token for n in range(VISITORS)]
    while time.monotonic() - started < seconds:
        with ReconnectingViewers(running.system.websocket_url, tokens) as visitors:
            time.sleep(VISIT_SECONDS)
            assert visitors.complete, "not all visitors could connect"
            assert visitors.complaints() == set()
            recorder.record(time.monotonic() - started)
        visits += VISITORS
        if time.monotonic() > printed_at:
            printed_at += PRINT_INTERVAL_SECONDS
            print_sums(recorder, time.monotonic() - started)
    return visits


def print_sums(recorder: ResourceRecorder, seconds: float) -> None:
    """Print the current sums."""
    sums = {"memory": 0.0, "descriptors": 0.0, "connections": 0.0}
    for series in recorder.series.values():
        sums[series.name.rpartition(" ")[2]] += series.points[-1][1]
    print(
        f"{seconds:5.0f} s: {sums['memory']:.1f} MiB, {sums['descriptors']:.0f} descriptors,"
        f" {sums['connections']:.0f} connections",
        flush=True,
    )


def print_report(running: FaultHarness, recorder: ResourceRecorder, visits: int) -> None:
    """Print the load, and for each quantity its values and its slope per minute."""
    print(f"\n{running.load.answers['200']} increments, {visits} visits; nothing was lost")
    print(f"{'':<34}{'first':>8} {'warm':>8} {'last':>8} {'a minute':>9}")
    for series in recorder.series.values():
        print(series.line())


if __name__ == "__main__":
    sys.exit(main())
