"""What a process imports is excluded from garbage collection, and what it makes later is not."""

from __future__ import annotations

import gc
import weakref

from app.concurrency.garbage_collection import making_permanent_objects


class Cycle:
    def __init__(self) -> None:
        self.itself = self


def test_objects_of_the_block_stay_and_later_garbage_is_collected() -> None:
    with making_permanent_objects():
        assert not gc.isenabled()
        of_block = weakref.ref(Cycle())
    later = weakref.ref(Cycle())
    gc.collect()
    assert gc.isenabled()
    assert later() is None
    assert of_block() is not None
