"""How many viewers one user and one address may have in this process."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from broadcaster.metrics import LIMIT_HITS
from broadcaster.viewers.limits import ViewerLimits

QuotaLimit = Literal["max_viewers_per_user", "max_viewers_per_address"]


class ViewerQuota:
    """Counts the viewers of each user and of each address."""

    def __init__(self, limits: ViewerLimits) -> None:
        self._limits = limits
        self._by_user: Counter[str] = Counter()
        self._by_address: Counter[str] = Counter()

    def acquire(self, user_id: str | None, address: str) -> bool:
        """Count one more viewer; False, and not counted, if a limit is reached.

        Without a user only the address counts.
        """
        if not self.fits(user_id, address):
            return False
        for counter, name in self._counted(user_id, address):
            counter[name] += 1
        return True

    def fits(self, user_id: str | None, address: str) -> bool:
        """Whether one more viewer may be counted; if not, the metric counts the limit."""
        limit = self._reached(user_id, address)
        if limit is not None:
            LIMIT_HITS.labels(limit).inc()
        return limit is None

    def release(self, user_id: str | None, address: str) -> None:
        """Count one viewer less."""
        for counter, name in self._counted(user_id, address):
            counter[name] -= 1
            if not counter[name]:
                del counter[name]

    def _counted(self, user_id: str | None, address: str) -> list[tuple[Counter[str], str]]:
        of_user = [] if user_id is None else [(self._by_user, user_id)]
        return [*of_user, (self._by_address, address)]

    def _reached(self, user_id: str | None, address: str) -> QuotaLimit | None:
        if user_id is not None and self._by_user[user_id] >= self._limits.viewers_per_user:
            return "max_viewers_per_user"
        if self._by_address[address] >= self._limits.viewers_per_address:
            return "max_viewers_per_address"
        return None
