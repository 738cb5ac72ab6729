"""`python -m bench.fanout`: compares the broadcaster with a bare loop, and checks the targets.

`--viewers 100,1000`, `--kinds websocket` and `--seconds 5` make it shorter. Viewers with
compression and event streams are measured at 5,000, or at the numbers given.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from statistics import median

from bench.fanout.frame_parser import KINDS
from bench.fanout.measurement import (
    Measurement,
    StalledMeasurement,
    Window,
    measure_stalled,
    measure_viewers,
    median_of,
)
from bench.fanout.system import Changes

Target = tuple[str, float, float, str, bool]
"""Name, measured value, limit, format of both, and whether less is better."""
STREAM = "stream"
VIEWERS = [100, 1_000, 5_000, 10_000]
TARGET_VIEWERS, STALLED_AMONG, STALLED = 5_000, 1_000, 100
KILOBYTES, ACCEPTED, BARE_P99S, STALLED_RATIO = 4.0, 800, 1.5, 1.2
RATIOS = {1_000: 1.25, TARGET_VIEWERS: 1.1}
"""CPU of a frame compared with the bare loop's, by the number of viewers."""
MS_BEYOND_SENDS, MS_VIEWERS = 1.0, 100
OTHER_CHANGES: dict[Changes, str] = {
    "entering": "a new player in the top ten",
    "leaving": "a ban or an unban in the top ten",
}
STREAM_RATIO, DEFLATED_BYTES, DEFLATED_CPU, DEFLATED_KILOBYTES = 1.1, 0.45, 1.0, 1.05
"""Compared with plain WebSockets; the memory is not quite the same in two runs."""
COLUMNS = (
    "kind", "viewers", "bytes", "boards/s", "interval", "ours", "bare", "ratio", "beyond", "kB",
    "p50", "p99", "bare p50", "bare p99", "accepted/s", "/CPU s", "others",
)  # fmt: skip
LEGEND = """
bytes: of one board for one viewer. interval: ms in force between two boards. ours, bare: µs of
server CPU a frame delivered; ratio of the two. beyond: ms of CPU a board beyond the bare loop. kB:
private memory a viewer. p50, p99: ms from a change's commit to a viewer's socket; bare: from the
beginning of the loop. accepted/s: viewers, JWTs verified; /CPU s: the same for each second of CPU.
others: cores that the rest of the machine used.
Where there are several rounds, the value is their median."""


def main() -> int:
    """Print the tables; returns 1 if a target was missed."""
    options = _options()
    started = time.monotonic()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {options.rounds} rounds")
    print("".join(f"{name:>11}" for name in COLUMNS))
    measurements = []
    for kind in options.kinds:
        for number in options.viewers or (VIEWERS if kind == KINDS[0] else [TARGET_VIEWERS]):
            measurements.append(measure_viewers(kind, number, options.seconds, options.rounds))
            _print_row(measurements[-1])
    others: dict[str, Measurement] = {}
    if any((each.kind, each.viewers) == (KINDS[0], MS_VIEWERS) for each in measurements):
        for changes, name in OTHER_CHANGES.items():
            print(f"and if each change is {name}:")
            others[name] = measure_viewers(
                KINDS[0], MS_VIEWERS, options.seconds, options.rounds, changes
            )
            _print_row(others[name])
    print(LEGEND)
    _print_growth({each.viewers: each for each in measurements if each.kind == KINDS[0]})
    print(f"\nTargets, also beside {STALLED} stalled viewers:")
    met = [_check(*target) for target in _targets(measurements)]
    for name, each in others.items():
        target = f"{each.kind}, {MS_VIEWERS}, {name}: ms a board beyond"
        met.append(_check(target, each.ms_beyond_sends, MS_BEYOND_SENDS, ".2f", True))
    for kind in options.kinds:
        number = TARGET_VIEWERS if kind == STREAM else STALLED_AMONG
        stalled = measure_stalled(kind, number, STALLED, options.rounds)
        met.append(_check(*_stalled_target(kind, stalled)))
    print(f"\n{time.monotonic() - started:.0f} s, load {os.getloadavg()[0]:.1f}")
    return 0 if all(met) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.fanout", description=__doc__)
    parser.add_argument("--viewers", type=_numbers)
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=list(KINDS))
    parser.add_argument("--seconds", type=float, default=10.0, help="of each window")
    parser.add_argument("--rounds", type=int, default=3, help="windows of each, in turn")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def _print_row(measurement: Measurement) -> None:
    ours, bare = measurement.ours, measurement.bare
    cells = (
        measurement.kind,
        f"{measurement.viewers:,}",
        f"{measurement.bytes_per_board:.0f}",
        f"{median_of(ours, 'boards_per_second'):.1f}",
        f"{median_of(ours, 'interval') * 1e3:.0f}",
        f"{median_of(ours, 'cpu_per_frame') * 1e6:.1f}",
        f"{median_of(bare, 'cpu_per_frame') * 1e6:.1f}",
        f"{median(measurement.ratios):.2f}",
        f"{measurement.ms_beyond_sends:.2f}",
        f"{measurement.kilobytes:.1f}",
        *(
            f"{median_of(windows, name) * 1e3:.0f}"
            for windows in (ours, bare)
            for name in ("p50", "p99")
        ),
        f"{measurement.accepted_per_second:.0f}",
        f"{measurement.accepted_per_cpu_second:.0f}",
        f"{measurement.others_cores:.1f}",
    )
    print("".join(f"{cell:>11}" for cell in cells), flush=True)
    spread = ", ".join(f"{ratio:.2f}" for ratio in measurement.ratios)
    missing = sum(window.missing for window in ours)
    print(f"{'':11}ratio of each round: {spread}; changes never shown to a viewer: {missing}")


def _print_growth(measurements: dict[int, Measurement]) -> None:
    for number, measurement in measurements.items():
        tenfold = measurements.get(number * 10)
        if tenfold is None:
            continue
        growth = {
            "CPU a frame": _ratio(tenfold.ours, measurement.ours, "cpu_per_frame"),
            "bare loop's": _ratio(tenfold.bare, measurement.bare, "cpu_per_frame"),
            "memory a viewer": tenfold.kilobytes / measurement.kilobytes,
            "p99": _ratio(tenfold.ours, measurement.ours, "p99"),
            "bare loop's p99": _ratio(tenfold.bare, measurement.bare, "p99"),
        }
        factors = ", ".join(f"{factor:.2f} times {name}" for name, factor in growth.items())
        print(f"Growth from {number:,} to {number * 10:,}: {factors}")


def _ratio(windows: list[Window], others: list[Window], name: str) -> float:
    return median_of(windows, name) / median_of(others, name)


def _targets(measurements: list[Measurement]) -> list[Target]:
    targets: list[Target] = []
    for measurement in measurements:
        name, number = f"{measurement.kind}, {measurement.viewers:,}", measurement.viewers
        if number in RATIOS:
            ratio = median(measurement.ratios)
            targets.append(
                (f"{name}: CPU a frame / bare loop's", ratio, RATIOS[number], ".2f", True)
            )
        if number == MS_VIEWERS:
            beyond = measurement.ms_beyond_sends
            targets.append((f"{name}: ms a board beyond", beyond, MS_BEYOND_SENDS, ".2f", True))
        targets += _compared_targets(name, measurement, measurements)
        if number != TARGET_VIEWERS:
            continue
        interval = median_of(measurement.ours, "interval")
        bare_p99 = median_of(measurement.bare, "p99")
        bound = interval + BARE_P99S * bare_p99
        targets += [
            ("kB a viewer", measurement.kilobytes, KILOBYTES, ".1f", True),
            ("viewers accepted a second", measurement.accepted_per_second, ACCEPTED, ".0f", False),
            ("p99, ms", median_of(measurement.ours, "p99") * 1e3, bound * 1e3, ".0f", True),
        ]
    return targets


def _compared_targets(
    name: str, measurement: Measurement, measurements: list[Measurement]
) -> list[Target]:
    """The targets compared with as many plain WebSockets, if they were measured too."""
    key = KINDS[0], measurement.viewers
    plain = next((each for each in measurements if (each.kind, each.viewers) == key), None)
    if plain is None or plain is measurement:
        return []
    cpu = _ratio(measurement.ours, plain.ours, "cpu_per_frame")
    what = f"{name}: CPU a frame / WebSocket's"
    if measurement.kind == STREAM:
        return [(what, cpu, STREAM_RATIO, ".2f", True)]
    size = measurement.bytes_per_board / plain.bytes_per_board
    memory = measurement.kilobytes / plain.kilobytes
    return [
        (what, cpu, DEFLATED_CPU, ".2f", True),
        (f"{name}: bytes / WebSocket's", size, DEFLATED_BYTES, ".2f", True),
        (f"{name}: kB a viewer / WebSocket's", memory, DEFLATED_KILOBYTES, ".2f", True),
    ]


def _stalled_target(kind: str, stalled: StalledMeasurement) -> Target:
    without, with_stalled = stalled.without, stalled.with_stalled
    ratio = median(b / a for a, b in zip(without, with_stalled, strict=True))
    print(
        f"stalled {kind}: took {stalled.boards_taken} of some {stalled.boards} boards;"
        f" the others' p99, ms, without {[round(p99 * 1e3) for p99 in without]},"
        f" with {[round(p99 * 1e3) for p99 in with_stalled]}"
    )
    return (f"{kind}: p99 beside stalled ones / without", ratio, STALLED_RATIO, ".2f", True)


def _check(name: str, value: float, target: float, form: str, less_is_better: bool) -> bool:
    met = value <= target if less_is_better else value >= target
    sign = "≤" if less_is_better else "≥"
    print(f"  {'met   ' if met else 'MISSED'} {name}: {value:{form}} ({sign} {target:{form}})")
    return met


if __name__ == "__main__":
    sys.exit(main())
