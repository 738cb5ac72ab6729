"""Many players in a few threads."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest

from tools.replayer.retry_policy import ReplayFailed
from tools.replayer.scheduler import Scheduler


@pytest.mark.slow
def test_a_waiting_player_occupies_no_thread_and_has_no_step_before_it_is_due() -> None:
    steps: list[str] = []
    due: dict[str, float] = {}

    def step(name: str) -> float | None:
        steps.append(name)
        if name != "waits":
            return None
        if name in due:
            assert time.monotonic() >= due[name]
            return None
        due[name] = time.monotonic() + 1
        return due[name]

    Scheduler(["waits", "a", "b"], lambda _: 0, step).run(concurrency=1)
    assert steps == ["waits", "a", "b", "waits"]


def test_of_the_players_that_are_due_the_one_with_the_lowest_order_is_first() -> None:
    left = {"even": [0, 2, 4], "odd": [1, 3, 5]}
    order: list[int] = []

    def step(name: str) -> float | None:
        order.append(left[name].pop(0))
        return 0.0 if left[name] else None

    Scheduler(["odd", "even"], lambda name: left[name][0], step).run(concurrency=1)
    assert order == [0, 1, 2, 3, 4, 5]


def test_no_player_has_two_steps_at_the_same_time() -> None:
    running: Counter[int] = Counter()
    done: Counter[int] = Counter()
    together: list[int] = []
    first_steps = threading.Barrier(4, timeout=20)

    def step(player: int) -> float | None:
        running[player] += 1
        if done[player] == 0:
            first_steps.wait()
        together.append(running[player])
        done[player] += 1
        running[player] -= 1
        return None if done[player] == 20 else 0.0

    Scheduler(range(4), lambda player: player, step).run(concurrency=8)
    assert set(together) == {1}
    assert done == dict.fromkeys(range(4), 20)


def test_a_step_that_raises_stops_the_others_and_is_raised() -> None:
    def step(player: int) -> float | None:
        if player == 1:
            raise ReplayFailed("no more")
        return time.monotonic() + 3600

    with pytest.raises(ReplayFailed, match="no more"):
        Scheduler(range(3), lambda player: player, step).run(concurrency=3)
