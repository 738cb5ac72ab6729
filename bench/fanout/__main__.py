"""python -m bench.fanout: prints the broadcaster's cost beside a bare loop's, and what targets say.

`--viewers 100,1000` and `--seconds 5` make it shorter; the targets are judged at 5,000 viewers.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from statistics import median

from bench.fanout.trial import StalledTrial, Trial, middle, try_stalled, try_viewers

TARGET_VIEWERS, STALLED_AMONG, STALLED = 5_000, 1_000, 100
RATIO, KILOBYTES, ACCEPTED, BARE_P99S, STALLED_RATIO = 1.25, 4.0, 800, 1.5, 1.2
COLUMNS = (
    "viewers", "boards/s", "interval", "ours", "bare", "ratio", "kB", "p50", "p99", "bare p50",
    "bare p99", "accepted/s", "/CPU s", "others",
)  # fmt: skip
LEGEND = """
interval: ms in force between two boards. ours, bare: µs of server CPU a frame delivered; ratio of
the two. kB: private memory a viewer. p50, p99: ms from a change's commit to a viewer's socket;
bare: from the beginning of the loop. accepted/s: viewers, JWTs verified; /CPU s: the same
in a second of CPU. others: cores that the rest of the machine used.
All that is measured several times is the median of the rounds."""


def main() -> int:
    """Print the tables; 1 if a target was missed."""
    options = _options()
    begun = time.monotonic()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {options.rounds} rounds")
    print("".join(f"{name:>11}" for name in COLUMNS))
    trials = []
    for number in options.viewers:
        trials.append(try_viewers(number, options.seconds, options.rounds))
        _print_row(trials[-1])
    print(LEGEND)
    _print_growth({trial.viewers: trial for trial in trials})
    stalled = try_stalled(STALLED_AMONG, STALLED, options.rounds)
    print(f"\nTargets, at {TARGET_VIEWERS:,} viewers and beside {STALLED} stalled ones:")
    met = [_judge(*target) for target in _targets(trials, stalled)]
    print(f"\n{time.monotonic() - begun:.0f} s, load {os.getloadavg()[0]:.1f}")
    return 0 if all(met) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.fanout", description=__doc__)
    parser.add_argument("--viewers", type=_numbers, default=[100, 1_000, 5_000, 10_000])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each window")
    parser.add_argument("--rounds", type=int, default=3, help="windows of each, in turn")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def _print_row(trial: Trial) -> None:
    ours, bare = trial.ours, trial.bare
    cells = (
        f"{trial.viewers:,}",
        f"{middle(ours, 'boards_a_second'):.1f}",
        f"{middle(ours, 'interval') * 1e3:.0f}",
        f"{middle(ours, 'cpu_a_frame') * 1e6:.1f}",
        f"{middle(bare, 'cpu_a_frame') * 1e6:.1f}",
        f"{median(trial.ratios):.2f}",
        f"{trial.kilobytes:.1f}",
        *(
            f"{middle(windows, name) * 1e3:.0f}"
            for windows in (ours, bare)
            for name in ("p50", "p99")
        ),
        f"{trial.accepted_a_second:.0f}",
        f"{trial.accepted_a_cpu_second:.0f}",
        f"{trial.others_cores:.1f}",
    )
    print("".join(f"{cell:>11}" for cell in cells), flush=True)
    spread = ", ".join(f"{ratio:.2f}" for ratio in trial.ratios)
    missing = sum(window.missing for window in ours)
    print(f"{'':11}ratio of each round: {spread}; changes that a viewer never saw: {missing}")


def _print_growth(trials: dict[int, Trial]) -> None:
    for number, trial in trials.items():
        tenfold = trials.get(number * 10)
        if tenfold is None:
            continue
        growth = {
            "CPU a frame": middle(tenfold.ours, "cpu_a_frame") / middle(trial.ours, "cpu_a_frame"),
            "bare loop's": middle(tenfold.bare, "cpu_a_frame") / middle(trial.bare, "cpu_a_frame"),
            "memory a viewer": tenfold.kilobytes / trial.kilobytes,
            "p99": middle(tenfold.ours, "p99") / middle(trial.ours, "p99"),
            "bare loop's p99": middle(tenfold.bare, "p99") / middle(trial.bare, "p99"),
        }
        told = ", ".join(f"{factor:.2f} times {name}" for name, factor in growth.items())
        print(f"Growth from {number:,} to {number * 10:,}: {told}")


def _targets(
    trials: list[Trial], stalled: StalledTrial
) -> list[tuple[str, float, float, str, bool]]:
    """What is measured, the measure, its target, how both are written, and whether less is good."""
    targets = []
    for trial in trials:
        if trial.viewers != TARGET_VIEWERS:
            continue
        bound = middle(trial.ours, "interval") + BARE_P99S * middle(trial.bare, "p99")
        targets += [
            ("CPU a frame / bare loop's", median(trial.ratios), RATIO, ".2f", True),
            ("kB a viewer", trial.kilobytes, KILOBYTES, ".1f", True),
            ("viewers accepted a second", trial.accepted_a_second, ACCEPTED, ".0f", False),
            ("p99, ms", middle(trial.ours, "p99") * 1e3, bound * 1e3, ".0f", True),
        ]
    without, with_stalled = stalled.without, stalled.with_stalled
    ratio = median(b / a for a, b in zip(without, with_stalled, strict=True))
    print(
        f"stalled: took {stalled.boards_taken} of some {stalled.boards} boards; the others' p99,"
        f" ms, without {[round(p99 * 1e3) for p99 in without]},"
        f" with {[round(p99 * 1e3) for p99 in with_stalled]}"
    )
    targets.append(("p99 beside stalled ones / without", ratio, STALLED_RATIO, ".2f", True))
    return targets


def _judge(name: str, measure: float, target: float, form: str, less_is_good: bool) -> bool:
    met = measure <= target if less_is_good else measure >= target
    sign = "≤" if less_is_good else "≥"
    print(f"  {'met   ' if met else 'MISSED'} {name}: {measure:{form}} ({sign} {target:{form}})")
    return met


if __name__ == "__main__":
    sys.exit(main())
