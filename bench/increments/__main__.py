"""python -m bench.increments: the rate of increments, compared with PostgreSQL in the same run.

`--connections 16` and `--seconds 3` make it shorter; `--growth` measures boards of other sizes.
The targets are checked at 16 connections.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from bench.increments.boards import BOARD, add_periods, service_key
from bench.increments.growth import print_growth
from bench.increments.load import Figures, NoLoadGenerator, WrkLoad, combine, generator
from bench.increments.players import counted, log_in
from bench.increments.postgres_alone import CLIENTS, transactions_per_second
from bench.increments.site import BenchSite, site

PLAYERS = 10_000
SLICES = 3
TARGET_CONNECTIONS, RATIO, PERIODS_RATIO, P99_MS = 16, 0.25, 0.22, 60
SERVICE_CONNECTIONS, TARGET_ACTS, ACTS_RATIO = 8, 100, 1.0
SERVERS = ("gunicorn", "postgres", "valkey")
HEADER = ("", "per second", "pgbench", "ratio", "p50", "p95", "p99", *SERVERS)
LEGEND = f"""
The first column is the number of connections, or of acts in a call. per second: increments, whole
rounds, or acts. pgbench: transactions per second with {CLIENTS} clients, measured before, after and
{SLICES - 1} times during the load; ratio: to their mean. p50, p95, p99: latency of a request in ms.
gunicorn, postgres, valkey: CPU per increment, round or act in µs."""


@dataclass(frozen=True)
class Comparison:
    """A load, and the rate of PostgreSQL alone before, during and after it."""

    figures: Figures
    pgbench_rate: float

    @property
    def rate(self) -> float:
        return self.figures.rate(self.figures.counted)

    @property
    def ratio(self) -> float:
        return self.rate / self.pgbench_rate


def main() -> int:
    """Print the tables; 1 if a target was missed, 2 without a load generator."""
    options = _options()
    try:
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {generator()}")
    except NoLoadGenerator as missing:
        print(missing, file=sys.stderr)
        return 2
    with TemporaryDirectory(prefix="bench-increments-") as name:
        folder = Path(name)
        met = True
        if options.connections:
            with site(PLAYERS, folder) as running:
                met = _measure(running, options, folder)
        if options.growth:
            met = print_growth(options.growth, options.seconds, folder) and met
    return 0 if met else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.increments", description=__doc__)
    parser.add_argument("--connections", type=_numbers, default=[1, 8, 16, 64])
    parser.add_argument("--acts", type=_numbers, default=[1, 10, 100, 500], help="acts in a call")
    parser.add_argument("--growth", type=_numbers, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--seconds", type=int, default=10, help=f"of each load, in {SLICES} slices")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",") if word]


def _measure(running: BenchSite, options: argparse.Namespace, folder: Path) -> bool:
    load = WrkLoad(running, log_in(running, PLAYERS), folder)
    load.play(max(options.connections), 3)  # warms caches and connections up
    before, spent, played = counted(running), list[Comparison](), list[Comparison]()

    def compare(work: Callable[[int, int], Figures], connections: int) -> Comparison:
        # In turns, because the machine's speed changes by a tenth within a minute.
        seconds = max(1, options.seconds // SLICES)
        slices, alone = [], [transactions_per_second(running, seconds, folder)]
        for _ in range(SLICES):
            slices.append(work(connections, seconds))
            alone.append(transactions_per_second(running, seconds, folder))
        return Comparison(combine(slices), fmean(alone))

    for connections in options.connections:
        load.provide(int(2_500 * options.seconds))
        spent.append(compare(load.spend, connections))
    for connections in options.connections:
        played.append(compare(load.play, connections))
    figures = [each.figures for each in (*spent, *played)]
    _check(running, before, figures, options.connections)
    print("\nIncrements, with tokens issued in advance")
    _print_table(options.connections, spent)
    print("\nWhole rounds: a token and its increment")
    _print_table(options.connections, played)
    key = service_key(running)
    reported = [
        compare(partial(load.report, acts=acts, key=key, board=BOARD), SERVICE_CONNECTIONS)
        for acts in options.acts
    ]
    if reported:
        print(f"\nScores of a service at {SERVICE_CONNECTIONS} connections, by acts in a call")
        _print_table(options.acts, reported)
    print(LEGEND)
    met = True
    if TARGET_ACTS in options.acts:
        ratio = reported[options.acts.index(TARGET_ACTS)].ratio
        wanted = f"{ACTS_RATIO} or more"
        met = _judge(f"acts, {TARGET_ACTS} a call", ratio, wanted, ratio >= ACTS_RATIO)
    if TARGET_CONNECTIONS not in options.connections:
        return met
    judged = spent[options.connections.index(TARGET_CONNECTIONS)]
    print(f"\nTargets, at {TARGET_CONNECTIONS} connections:")
    enough = _judge("ratio to pgbench", judged.ratio, f"{RATIO} or more", judged.ratio >= RATIO)
    late = judged.figures.p99
    soon = _judge("p99, ms", late, f"under {P99_MS}", late < P99_MS)
    add_periods(running)
    load.provide(int(2_500 * options.seconds))
    four = compare(load.spend, TARGET_CONNECTIONS)
    print("\nIncrements with main in four periods")
    _print_table([TARGET_CONNECTIONS], [four])
    wanted = f"{PERIODS_RATIO} or more"
    also = _judge("ratio with four periods", four.ratio, wanted, four.ratio >= PERIODS_RATIO)
    return met and enough and soon and also


def _check(
    running: BenchSite, before: int, loads: Sequence[Figures], connections: list[int]
) -> None:
    """Raise RuntimeError if PostgreSQL did not count what was answered."""
    answered = sum(load.counted for load in loads)
    written = counted(running) - before
    # At the end of each slice of both loads wrk does not wait for the last answers.
    if not answered <= written <= answered + 2 * SLICES * sum(connections):
        raise RuntimeError(f"{answered} increments were answered and {written} written")


def _print_table(connections: Sequence[int], measured: Sequence[Comparison]) -> None:
    print("".join(f"{name:>12}" for name in HEADER))
    for number, each in zip(connections, measured, strict=True):
        figures = each.figures
        cells = [f"{number}", f"{each.rate:,.0f}", f"{each.pgbench_rate:,.0f}", f"{each.ratio:.3f}"]
        cells += [f"{figures.p50:.1f}", f"{figures.p95:.1f}", f"{figures.p99:.1f}"]
        cells += [f"{figures.cpu_us_per_answer(name, figures.counted):,.0f}" for name in SERVERS]
        print("".join(f"{cell:>12}" for cell in cells))


def _judge(name: str, value: float, wanted: str, met: bool) -> bool:
    print(f"  {name}: {value:.3f} ({wanted}) {'met' if met else 'MISSED'}")
    return met


if __name__ == "__main__":
    sys.exit(main())
