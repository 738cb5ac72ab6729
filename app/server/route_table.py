"""What routes declare, found by the first bytes of a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

Declared = TypeVar("Declared")


class RouteTable(Generic[Declared]):
    """Finds what the route of a request declares, before the request is parsed."""

    def __init__(self, declared: Mapping[bytes, Declared]) -> None:
        """`declared` has as keys method and path, as a request starts with them."""
        self._declared = declared
        # One byte more than the longest key: a longer path can't be taken for it.
        self._key_bytes = max(map(len, declared), default=0) + 1

    def find(self, request: bytes) -> Declared | None:
        """What the request's route declares; None if it declares nothing."""
        method, _, rest = request[: self._key_bytes].partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        return self._declared.get(b"%b %b" % (method, path))
