"""Measures the broadcaster and the bare loop in turns, with the same viewers and boards."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any

import psutil

from bench.fanout.frame_parser import board_version
from bench.fanout.system import Changes, MeasuredSystem, measured_system
from bench.fanout.worker import Worker, cpu_seconds, private_kilobytes

VIEWER_PROCESS, BARE_LOOP = "bench.fanout.viewer_process", "bench.fanout.bare_loop"
BUSY = ("user", "nice", "system", "irq", "softirq")
SETTLE_SECONDS = 1.0
FILL_SECONDS, STALLED_SECONDS = 5.0, 6.0
"""Until a stalled viewer's socket is full; less than until it is closed as too slow."""


@dataclass(frozen=True)
class Window:
    """One window of measuring. Times are seconds; a frame is one board for one viewer."""

    cpu_per_frame: float
    p50: float
    p99: float
    boards_per_second: float
    interval: float
    missing: int


@dataclass(frozen=True)
class Measurement:
    """All windows with one number of viewers."""

    kind: str
    viewers: int
    bytes_per_board: float
    kilobytes: float
    accepted_per_second: float
    accepted_per_cpu_second: float
    ours: list[Window]
    bare: list[Window]
    others_cores: float
    """Cores that other processes of the machine used in the meantime."""

    @property
    def ratios(self) -> list[float]:
        pairs = zip(self.ours, self.bare, strict=True)
        return [ours.cpu_per_frame / bare.cpu_per_frame for ours, bare in pairs]

    @property
    def ms_beyond_sends(self) -> float:
        """CPU of the broadcaster for one board, beyond that of the bare loop; a median."""
        pairs = zip(self.ours, self.bare, strict=True)
        beyond = median(ours.cpu_per_frame - bare.cpu_per_frame for ours, bare in pairs)
        return beyond * self.viewers * 1e3


@dataclass(frozen=True)
class StalledMeasurement:
    """The p99 of the reading viewers, without and with stalled viewers."""

    viewers: int
    stalled: int
    without: list[float]
    with_stalled: list[float]
    boards: int
    boards_taken: list[int]
    """Of `boards`, those that the stalled viewers received; the others were replaced."""


def measure_viewers(
    kind: str, number: int, seconds: float, rounds: int, changes: Changes = "points"
) -> Measurement:
    """Measure `number` viewers of the broadcaster, and as many sockets of the bare loop.

    The bare loop sends the same bytes.
    """
    with ExitStack() as stack:
        system = stack.enter_context(measured_system())
        viewers, bare_viewers, bare = (
            stack.enter_context(Worker(module))
            for module in (VIEWER_PROCESS, VIEWER_PROCESS, BARE_LOOP)
        )
        memory, cpu = private_kilobytes(system.pid), cpu_seconds(system.pid)
        address = {"port": system.port, "number": number, "tokens": system.tokens}
        joined = viewers.call("connect", **address, kind=kind)
        cpu = cpu_seconds(system.pid) - cpu
        system.score(2.0)
        system.choose(changes)
        memory = private_kilobytes(system.pid) - memory
        port = bare.call("listen")
        bare.start("accept", number=number)
        bare_viewers.call("connect", port=port, number=number, tokens=[], kind=kind)
        bare.read_reply()
        ours, limits, others = [], [], OtherProcesses()
        sizes: list[int] = []
        for _ in range(rounds):
            window, boards = _our_window(system, viewers, seconds)
            ours.append(window)
            sizes += map(len, boards)
            limits.append(_bare_window(bare, bare_viewers, boards, seconds / len(boards)))
        return Measurement(
            kind,
            number,
            sum(sizes) / len(sizes),
            memory / number,
            number / joined["seconds"],
            number / cpu,
            ours,
            limits,
            others.cores(),
        )


def measure_stalled(kind: str, number: int, stalled: int, rounds: int) -> StalledMeasurement:
    """Measure `number` viewers, of which `stalled` do not read in every second window."""
    without, with_stalled, taken, sent = [], [], [], 0
    with ExitStack() as stack:
        system = stack.enter_context(measured_system())
        viewers, stalled_viewers = (stack.enter_context(Worker(VIEWER_PROCESS)) for _ in range(2))
        tokens = system.tokens
        reading = number - stalled
        viewers.call("connect", port=system.port, number=reading, tokens=tokens, kind=kind)
        for _ in range(rounds):
            system.score(FILL_SECONDS)
            without.append(_our_window(system, viewers, STALLED_SECONDS)[0].p99)
            address = {"port": system.port, "number": stalled, "tokens": tokens}
            stalled_viewers.call("connect_stalled", **address, kind=kind)
            before = system.score(FILL_SECONDS)
            window, boards = _our_window(system, viewers, STALLED_SECONDS)
            with_stalled.append(window.p99)
            taken.append(stalled_viewers.call("read_stalled", kind=kind)["boards"])
            sent = len(before) + len(boards)
    return StalledMeasurement(number, stalled, without, with_stalled, sent, taken)


def _our_window(
    system: MeasuredSystem, viewers: Worker, seconds: float
) -> tuple[Window, list[str]]:
    viewers.call("start_recording")
    cpu = cpu_seconds(system.pid)
    changes = system.score(seconds)
    time.sleep(SETTLE_SECONDS)
    cpu = cpu_seconds(system.pid) - cpu
    recorded = viewers.call("stop_recording")
    assert not recorded["closed"], recorded["closed"]
    window = _window(viewers, cpu, recorded, changes, seconds, system.interval())
    return window, recorded["boards"]


def _bare_window(bare: Worker, viewers: Worker, boards: list[str], interval: float) -> Window:
    viewers.call("start_recording")
    cpu = cpu_seconds(bare.pid)
    started = bare.call("send", boards=boards, interval=interval)
    time.sleep(SETTLE_SECONDS)
    cpu = cpu_seconds(bare.pid) - cpu
    recorded = viewers.call("stop_recording")
    versions = [board_version(board.encode("latin-1")) or 0 for board in boards]
    changes = list(zip(started, versions, strict=True))
    return _window(viewers, cpu, recorded, changes, interval * len(boards), interval)


def _window(
    viewers: Worker,
    cpu: float,
    recorded: dict[str, Any],
    changes: list[tuple[float, int]],
    seconds: float,
    interval: float,
) -> Window:
    delays = viewers.call("delays", changes=changes)
    rate = len(recorded["boards"]) / seconds
    return Window(
        cpu / recorded["frames"], delays["p50"], delays["p99"], rate, interval, delays["missing"]
    )


class OtherProcesses:
    """The CPU use of other processes during the measurement."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._cpu_at_start = self._cpu_seconds()

    def cores(self) -> float:
        """Cores that other processes used since the start, on average."""
        passed = time.monotonic() - self._started
        return max(0.0, (self._cpu_seconds() - self._cpu_at_start) / passed)

    def _cpu_seconds(self) -> float:
        times = psutil.cpu_times()
        busy = sum(float(getattr(times, name)) for name in BUSY)
        ourselves = psutil.Process()
        processes = (ourselves, *ourselves.children(recursive=True))
        own = sum(each.cpu_times().user + each.cpu_times().system for each in processes)
        return float(busy - own)


def median_of(windows: list[Window], name: str) -> float:
    """The median of a field over the windows."""
    return float(median(getattr(window, name) for window in windows))
