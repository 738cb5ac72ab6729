"""The ids of acts."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from clients.python.live_scoreboard_client import new_id


def test_an_id_is_a_uuid_of_version_7_and_of_this_moment() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(new_id())
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert before <= made.int >> 80 <= before + 1000


def test_ids_of_several_threads_are_unique_and_those_of_a_thread_grow() -> None:
    with ThreadPoolExecutor(4) as threads:
        of_threads = list(threads.map(lambda _: [new_id() for _ in range(5_000)], range(4)))
    assert all(ids == sorted(ids) for ids in of_threads)
    assert len({each for ids in of_threads for each in ids}) == 20_000
