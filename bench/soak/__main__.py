"""python -m bench.soak MINUTES: load and viewers for so long; exits 1 if anything still grows.

It drives the harness of tests/faults, so that there is one load and one audience.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.soak.census import Census
from tests.faults.trial import Trial, trial
from tests.faults.viewers import Audience

VISITORS, VISIT_SECONDS = 30, 5.0
SHOWN_EVERY_SECONDS = 60
LIVES_LONG = {"ACCESS_TOKEN_SECONDS": "604800"}


def main() -> int:
    """0 when everything is flat at the end, 1 when something grows, 2 for bad arguments."""
    try:
        (minutes,) = (float(word) for word in sys.argv[1:])
    except ValueError:
        print("usage: python -m bench.soak MINUTES", file=sys.stderr)
        return 2
    with (
        TemporaryDirectory(prefix="soak-") as logs,
        trial(Path(logs), variables=LIVES_LONG) as begun,
    ):
        census = Census(begun)
        visits = soak(begun, census, minutes * 60)
        begun.verdict(time.monotonic())
        report(begun, census, visits)
    return 0 if all(series.flat for series in census.series.values()) else 1


def soak(begun: Trial, census: Census, seconds: float) -> int:
    """Visitors come and go all the time; each look is taken while the same number is there."""
    started = time.monotonic()
    shown_at, visits = started, 0
    tokens = [begun.load.players[n % 10].access_token for n in range(VISITORS)]
    while time.monotonic() - started < seconds:
        with Audience(begun.system.websocket_url, tokens) as visitors:
            time.sleep(VISIT_SECONDS)
            assert visitors.complete, "not all visitors were let in"
            assert visitors.complaints() == set()
            census.look(time.monotonic() - started)
        visits += VISITORS
        if time.monotonic() > shown_at:
            shown_at += SHOWN_EVERY_SECONDS
            show(census, time.monotonic() - started)
    return visits


def show(census: Census, seconds: float) -> None:
    """The sums of this moment."""
    sums = {"memory": 0.0, "descriptors": 0.0, "connections": 0.0}
    for series in census.series.values():
        sums[series.name.rpartition(" ")[2]] += series.points[-1][1]
    print(
        f"{seconds:5.0f} s: {sums['memory']:.1f} MiB, {sums['descriptors']:.0f} descriptors,"
        f" {sums['connections']:.0f} connections",
        flush=True,
    )


def report(begun: Trial, census: Census, visits: int) -> None:
    """What was done, and each quantity: first, after the warm-up, last, slope a minute."""
    print(f"\n{begun.load.answers['200']} increments, {visits} visits; nothing was lost")
    print(f"{'':<34}{'first':>8} {'warm':>8} {'last':>8} {'a minute':>9}")
    for series in census.series.values():
        print(series.line())


if __name__ == "__main__":
    sys.exit(main())
