"""Single flight: callers that need the same result at the same time share one call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


class Shared(NamedTuple, Generic[Result]):
    """The result of a call."""

    result: Result
    joined: bool
    """Whether another caller made the call. Then it started before this caller needed it."""


class SingleFlight(Generic[Key, Result]):
    """Makes one call per key at a time, in threads and in greenlets of a patched process.

    Nothing is cached: the next caller after the end of a call makes a new one. A caller that must
    not join calls from before an event (an invalidation) puts a counter of these events in its key.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[Key, Flight[Result]] = {}

    def run(
        self, key: Key, call: Callable[[], Result], max_wait_seconds: float | None = None
    ) -> Shared[Result]:
        """Make the call, or wait for the result of one that runs already.

        Raises what the call raised, in every caller that waits for it. After `max_wait_seconds`
        the caller stops waiting and makes a call of its own, which no other caller joins.
        """
        while True:
            with self._lock:
                flight = self._flights.get(key)
                if flight is None:
                    own = self._flights[key] = Flight()
            if flight is None:
                return Shared(self._lead(key, own, call), joined=False)
            if not flight.ended.wait(max_wait_seconds):
                return Shared(call(), joined=False)
            if flight.error is not None:
                raise flight.error
            if flight.results:
                return Shared(flight.results[0], joined=True)
            # The caller that led was killed, which says nothing about the call.

    def _lead(self, key: Key, flight: Flight[Result], call: Callable[[], Result]) -> Result:
        try:
            result = call()
            flight.results.append(result)
        except Exception as error:
            flight.error = error
            raise
        finally:
            # First, so that no caller joins a call that has ended.
            with self._lock:
                del self._flights[key]
            flight.ended.set()
        return result


class Flight(Generic[Result]):
    """A call under way."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.results: list[Result] = []
        """One, unless the call failed."""
        self.error: Exception | None = None
