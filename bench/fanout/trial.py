"""The measurements: the broadcaster and the bare loop in turn, with the same viewers and boards."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any

import psutil

from bench.fanout.arena import Arena, arena
from bench.fanout.worker import Worker, cpu_seconds, private_kilobytes

SPECTATORS, BARE = "bench.fanout.spectators", "bench.fanout.bare"
BUSY = ("user", "nice", "system", "irq", "softirq")
LAST_FRAMES_SECONDS = 1.0
FILL_SECONDS, STALLED_SECONDS = 5.0, 6.0
"""Until the stalled viewers' sockets are full, and less than until they are closed for it."""


@dataclass(frozen=True)
class Window:
    """One time of measuring; seconds, and a frame is one board to one viewer."""

    cpu_a_frame: float
    p50: float
    p99: float
    boards_a_second: float
    interval: float
    missing: int


@dataclass(frozen=True)
class Trial:
    """All that is measured with one number of viewers; windows in turn."""

    viewers: int
    kilobytes: float
    accepted_a_second: float
    accepted_a_cpu_second: float
    ours: list[Window]
    bare: list[Window]
    others_cores: float
    """Cores that other processes of the machine used meanwhile."""

    @property
    def ratios(self) -> list[float]:
        pairs = zip(self.ours, self.bare, strict=True)
        return [ours.cpu_a_frame / bare.cpu_a_frame for ours, bare in pairs]


@dataclass(frozen=True)
class StalledTrial:
    """The others' p99 without and with viewers that don't read."""

    viewers: int
    stalled: int
    without: list[float]
    with_stalled: list[float]
    boards: int
    boards_taken: list[int]
    """Of so many boards, what the stalled took: the rest was not sent to them."""


def try_viewers(number: int, seconds: float, rounds: int) -> Trial:
    """So many viewers of the broadcaster, and as many bare sockets."""
    with ExitStack() as stack:
        field = stack.enter_context(arena())
        watching, bare_watching, bare = (
            stack.enter_context(Worker(module)) for module in (SPECTATORS, SPECTATORS, BARE)
        )
        memory, cpu = private_kilobytes(field.pid), cpu_seconds(field.pid)
        joined = watching.call("connect", port=field.port, number=number, tokens=field.tokens)
        cpu = cpu_seconds(field.pid) - cpu
        field.drive(2.0)
        memory = private_kilobytes(field.pid) - memory
        port = bare.call("listen")
        bare.tell("accept", number=number)
        bare_watching.call("connect", port=port, number=number, tokens=[])
        bare.reply()
        ours, limits, noise = [], [], Noise()
        for _ in range(rounds):
            window, boards = _our_window(field, watching, seconds)
            ours.append(window)
            limits.append(_bare_window(bare, bare_watching, boards, seconds / len(boards)))
        return Trial(
            number,
            memory / number,
            number / joined["seconds"],
            number / cpu,
            ours,
            limits,
            noise.cores(),
        )


def try_stalled(number: int, stalled: int, rounds: int) -> StalledTrial:
    """So many viewers, some of whom don't read in every second window."""
    without, with_stalled, taken, sent = [], [], [], 0
    with ExitStack() as stack:
        field = stack.enter_context(arena())
        watching, deaf = (stack.enter_context(Worker(SPECTATORS)) for _ in range(2))
        tokens = field.tokens
        watching.call("connect", port=field.port, number=number - stalled, tokens=tokens)
        for _ in range(rounds):
            field.drive(FILL_SECONDS)
            without.append(_our_window(field, watching, STALLED_SECONDS)[0].p99)
            deaf.call("deafen", port=field.port, number=stalled, tokens=tokens)
            before = field.drive(FILL_SECONDS)
            window, boards = _our_window(field, watching, STALLED_SECONDS)
            with_stalled.append(window.p99)
            taken.append(deaf.call("hear")["boards"])
            sent = len(before.changes) + len(boards)
    return StalledTrial(number, stalled, without, with_stalled, sent, taken)


def _our_window(field: Arena, watching: Worker, seconds: float) -> tuple[Window, list[str]]:
    watching.call("begin")
    cpu = cpu_seconds(field.pid)
    driven = field.drive(seconds)
    time.sleep(LAST_FRAMES_SECONDS)
    cpu = cpu_seconds(field.pid) - cpu
    came = watching.call("end")
    assert not came["closed"], came["closed"]
    window = _window(watching, cpu, came, driven.changes, seconds, driven.interval)
    return window, came["boards"]


def _bare_window(bare: Worker, watching: Worker, boards: list[str], interval: float) -> Window:
    watching.call("begin")
    cpu = cpu_seconds(bare.pid)
    begun = bare.call("send", boards=boards, interval=interval)
    time.sleep(LAST_FRAMES_SECONDS)
    cpu = cpu_seconds(bare.pid) - cpu
    came = watching.call("end")
    versions = [int(board.split('"version":', 1)[1].split(",", 1)[0]) for board in boards]
    changes = list(zip(begun, versions, strict=True))
    return _window(watching, cpu, came, changes, interval * len(boards), interval)


def _window(
    watching: Worker,
    cpu: float,
    came: dict[str, Any],
    changes: list[tuple[float, int]],
    seconds: float,
    interval: float,
) -> Window:
    delays = watching.call("delays", changes=changes)
    rate = len(came["boards"]) / seconds
    return Window(
        cpu / came["frames"], delays["p50"], delays["p99"], rate, interval, delays["missing"]
    )


class Noise:
    """What the rest of the machine does while we measure."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._others = self._others_so_far()

    def cores(self) -> float:
        """Cores that others kept busy since the beginning."""
        passed = time.monotonic() - self._begun
        return max(0.0, (self._others_so_far() - self._others) / passed)

    def _others_so_far(self) -> float:
        times = psutil.cpu_times()
        busy = sum(float(getattr(times, name)) for name in BUSY)
        ourselves = psutil.Process()
        processes = (ourselves, *ourselves.children(recursive=True))
        own = sum(each.cpu_times().user + each.cpu_times().system for each in processes)
        return float(busy - own)


def middle(windows: list[Window], name: str) -> float:
    """The median of a measure over the windows."""
    return float(median(getattr(window, name) for window in windows))
