"""python -m bench.increments: how fast increments are, beside PostgreSQL alone in the same run.

`--connections 16` and `--seconds 3` make it shorter; `--growth` measures boards of other sizes.
The targets are judged at 16 connections.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from bench.increments.growth import print_growth
from bench.increments.load import Figures, Load, NoLoadGenerator, generator, together
from bench.increments.players import counted, log_in
from bench.increments.postgres_alone import CLIENTS, transactions_a_second
from bench.increments.site import Site, site

PLAYERS = 10_000
SLICES = 3
TARGET_CONNECTIONS, RATIO, P99_MS = 16, 0.25, 60
KINDS = ("gunicorn", "postgres", "valkey")
HEADER = ("connections", "a second", "pgbench", "ratio", "p50", "p95", "p99", *KINDS)
LEGEND = f"""
a second: increments, or whole rounds. pgbench: transactions a second with {CLIENTS} clients,
measured before, after and {SLICES - 1} times amid the load; ratio: to their mean. p50, p95, p99: ms
of one request. gunicorn, postgres, valkey: µs of CPU for each increment or round."""


@dataclass(frozen=True)
class Beside:
    """A load, and what PostgreSQL alone did a second right before, amid and right after it."""

    figures: Figures
    alone: float

    @property
    def rate(self) -> float:
        return self.figures.rate(self.figures.counted)

    @property
    def ratio(self) -> float:
        return self.rate / self.alone


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
    parser.add_argument("--growth", type=_numbers, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--seconds", type=int, default=10, help=f"of each load, in {SLICES} slices")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",") if word]


def _measure(running: Site, options: argparse.Namespace, folder: Path) -> bool:
    load = Load(running, log_in(running, PLAYERS), folder)
    load.play(max(options.connections), 3)  # what runs for the first time is slower
    before, spent, played = counted(running), list[Beside](), list[Beside]()

    def beside(work: Callable[[int, int], Figures], connections: int) -> Beside:
        # In turns, since the machine's speed drifts by a tenth within a minute.
        seconds = max(1, options.seconds // SLICES)
        slices, alone = [], [transactions_a_second(running, seconds, folder)]
        for _ in range(SLICES):
            slices.append(work(connections, seconds))
            alone.append(transactions_a_second(running, seconds, folder))
        return Beside(together(slices), fmean(alone))

    for connections in options.connections:
        load.provide(int(2_500 * options.seconds))
        spent.append(beside(load.spend, connections))
    for connections in options.connections:
        played.append(beside(load.play, connections))
    figures = [each.figures for each in (*spent, *played)]
    _check(running, before, figures, options.connections)
    print("\nIncrements, their tokens issued beforehand")
    _print_table(options.connections, spent)
    print("\nWhole rounds: a token, and its increment")
    _print_table(options.connections, played)
    print(LEGEND)
    if TARGET_CONNECTIONS not in options.connections:
        return True
    judged = spent[options.connections.index(TARGET_CONNECTIONS)]
    print(f"\nTargets, at {TARGET_CONNECTIONS} connections:")
    enough = _judge("ratio to pgbench", judged.ratio, f"{RATIO} or more", judged.ratio >= RATIO)
    late = judged.figures.p99
    return _judge("p99, ms", late, f"under {P99_MS}", late < P99_MS) and enough


def _check(running: Site, before: int, loads: Sequence[Figures], connections: list[int]) -> None:
    """A measurement of points that weren't counted would be worth nothing."""
    told = sum(load.counted for load in loads)
    written = counted(running) - before
    # Each slice of both loads ends with answers under way, which wrk doesn't hear.
    if not told <= written <= told + 2 * SLICES * sum(connections):
        raise RuntimeError(f"{told} increments were answered and {written} written")


def _print_table(connections: Sequence[int], measured: Sequence[Beside]) -> None:
    print("".join(f"{name:>12}" for name in HEADER))
    for number, each in zip(connections, measured, strict=True):
        figures = each.figures
        cells = [f"{number}", f"{each.rate:,.0f}", f"{each.alone:,.0f}", f"{each.ratio:.3f}"]
        cells += [f"{figures.p50:.1f}", f"{figures.p95:.1f}", f"{figures.p99:.1f}"]
        cells += [f"{figures.each(kind, figures.counted):,.0f}" for kind in KINDS]
        print("".join(f"{cell:>12}" for cell in cells))


def _judge(name: str, value: float, wanted: str, met: bool) -> bool:
    print(f"  {name}: {value:.3f} ({wanted}) {'met' if met else 'MISSED'}")
    return met


if __name__ == "__main__":
    sys.exit(main())
