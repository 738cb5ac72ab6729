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

    def acquire(self, user_id: str, address: str) -> bool:
        """Count one more viewer; False, and not counted, if a limit is reached."""
        limit = self._reached(user_id, address)
        if limit is not None:
            LIMIT_HITS.labels(limit).inc()
            return False
        self._by_user[user_id] += 1
        self._by_address[address] += 1
        return True

    def release(self, user_id: str, address: str) -> None:
        """Count one viewer less."""
        for counter, name in ((self._by_user, user_id), (self._by_address, address)):
            counter[name] -= 1
            if not counter[name]:
                del counter[name]

    def _reached(self, user_id: str, address: str) -> QuotaLimit | None:
        if self._by_user[user_id] >= self._limits.viewers_per_user:
            return "max_viewers_per_user"
        if self._by_address[address] >= self._limits.viewers_per_address:
            return "max_viewers_per_address"
        return None
