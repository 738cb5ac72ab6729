"""Workers see the connection counts of the others, and wait for a less loaded one."""

from __future__ import annotations

import time

from app.server.connections.balancer import (
    ACCEPT_DELAY_SECONDS,
    MAX_WORKERS,
    RETIRED,
    ConnectionBalancer,
    ConnectionCounts,
    WorkerSlot,
)


def test_a_worker_sees_the_fewest_connections_of_the_others() -> None:
    counts = ConnectionCounts()
    first = counts.allocate()
    assert first.fewest_of_others() is None
    second, third = counts.allocate(), counts.allocate()
    first.publish(1)
    second.publish(5)
    third.publish(3)
    assert [slot.fewest_of_others() for slot in (first, second, third)] == [3, 1, 1]
    ConnectionBalancer(first).retire()
    assert [slot.fewest_of_others() for slot in (second, third)] == [3, 5]
    second.release()
    assert third.fewest_of_others() == RETIRED


def test_a_released_slot_is_given_to_the_next_worker() -> None:
    counts = ConnectionCounts()
    slots = [counts.allocate() for _ in range(MAX_WORKERS)]
    without_slot = counts.allocate()
    without_slot.publish(7)
    assert without_slot.fewest_of_others() == 0
    slots[3].publish(9)
    slots[3].release()
    counts.allocate().publish(4)
    slots[0].publish(5)
    assert [slot.fewest_of_others() for slot in (slots[0], without_slot)] == [0, 0]
    for slot in slots[1:]:
        if slot is not slots[3]:
            slot.release()
    assert slots[0].fewest_of_others() == 4


def gives_way(slot: WorkerSlot | None, connections: int) -> bool:
    """Whether a worker with that many connections waits before it accepts."""
    before = time.perf_counter()
    ConnectionBalancer(slot).give_way(connections)
    return time.perf_counter() - before >= ACCEPT_DELAY_SECONDS


def test_a_worker_waits_only_while_another_one_has_fewer_connections() -> None:
    counts = ConnectionCounts()
    own, other = counts.allocate(), counts.allocate()
    other.publish(3)
    assert gives_way(own, 4)
    assert not all(gives_way(own, 3) for _ in range(5))
    ConnectionBalancer(other).retire()
    assert not all(gives_way(own, 1000) for _ in range(5))
    assert not all(gives_way(None, 1000) for _ in range(5))
