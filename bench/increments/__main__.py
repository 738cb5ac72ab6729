"""python -m bench.increments: how fast increments are, beside PostgreSQL alone in the same run.

`--connections 16` and `--seconds 3` make it shorter; `--growth` measures boards of other sizes.
The targets are judged at 16 connections.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.increments.growth import print_growth
from bench.increments.load import Figures, Load, NoLoadGenerator, generator
from bench.increments.players import counted, log_in
from bench.increments.postgres_alone import CLIENTS, transactions_a_second
from bench.increments.site import Site, site

PLAYERS = 10_000
TARGET_CONNECTIONS, RATIO, P99_MS = 16, 0.25, 60
HEADER = (
    "connections", "a second", "ratio", "p50", "p95", "p99", "gunicorn", "postgres", "valkey",
)  # fmt: skip
LEGEND = """
a second: increments, or whole rounds. ratio: to pgbench's mean. p50, p95, p99: ms of one request.
gunicorn, postgres, valkey: µs of CPU for each increment or round."""


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
    parser.add_argument("--seconds", type=int, default=10, help="of each load")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",") if word]


def _measure(running: Site, options: argparse.Namespace, folder: Path) -> bool:
    load = Load(running, log_in(running, PLAYERS), folder)
    load.play(max(options.connections), 3)  # what runs for the first time is slower
    alone = [transactions_a_second(running, options.seconds, folder)]
    before, spent, played = counted(running), list[Figures](), list[Figures]()
    for connections in options.connections:
        load.provide(int(2_000 * options.seconds))
        spent.append(load.spend(connections, options.seconds))
    for connections in options.connections:
        played.append(load.play(connections, options.seconds))
    _check(running, before, [*spent, *played], options.connections)
    alone.append(transactions_a_second(running, options.seconds, folder))
    print(f"\npgbench, {CLIENTS} clients: {alone[0]:,.0f} before, {alone[1]:,.0f} after, a second")
    peer = sum(alone) / 2
    print("\nIncrements, their tokens issued beforehand")
    _print_table(options.connections, spent, peer)
    print("\nWhole rounds: a token, and its increment")
    _print_table(options.connections, played, peer)
    print(LEGEND)
    if TARGET_CONNECTIONS not in options.connections:
        return True
    judged = spent[options.connections.index(TARGET_CONNECTIONS)]
    print(f"\nTargets, at {TARGET_CONNECTIONS} connections:")
    ratio = judged.rate(judged.counted) / peer
    enough = _judge("ratio to pgbench", ratio, f"{RATIO} or more", ratio >= RATIO)
    return _judge("p99, ms", judged.p99, f"under {P99_MS}", judged.p99 < P99_MS) and enough


def _check(running: Site, before: int, loads: Sequence[Figures], connections: list[int]) -> None:
    """A measurement of points that weren't counted would be worth nothing."""
    told = sum(load.counted for load in loads)
    written = counted(running) - before
    # Each load ends with answers under way, which wrk doesn't hear.
    if not told <= written <= told + 2 * sum(connections):
        raise RuntimeError(f"{told} increments were answered and {written} written")


def _print_table(connections: Sequence[int], loads: Sequence[Figures], peer: float) -> None:
    print("".join(f"{name:>13}" for name in HEADER))
    for number, figures in zip(connections, loads, strict=True):
        rate = figures.rate(figures.counted)
        cells = [f"{number}", f"{rate:,.0f}", f"{rate / peer:.2f}"]
        cells += [f"{figures.p50:.1f}", f"{figures.p95:.1f}", f"{figures.p99:.1f}"]
        cells += [f"{figures.each(kind, figures.counted):,.0f}" for kind in HEADER[-3:]]
        print("".join(f"{cell:>13}" for cell in cells))


def _judge(name: str, value: float, wanted: str, met: bool) -> bool:
    print(f"  {name}: {value:.2f} ({wanted}) {'met' if met else 'MISSED'}")
    return met


if __name__ == "__main__":
    sys.exit(main())
