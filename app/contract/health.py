"""The health report in the JSON of `/health`, of the API and of the broadcaster (flow 9)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

from app.contract.standings import timestamp

CheckResult = Literal["ok", "timeout", "error"]


@dataclass(frozen=True)
class HealthReport:
    """The results of the checks of one process."""

    redis: CheckResult
    database: CheckResult
    uptime_seconds: int
    replica: CheckResult | None = None
    """None if no replica is configured."""
    background: CheckResult = "ok"
    """An error if a background part of this process is dead."""

    @property
    def healthy(self) -> bool:
        """True even if the replica fails, because then the primary is read instead."""
        return self.redis == self.database == self.background == "ok"

    def as_json(self) -> dict[str, Any]:
        return {
            "status": "healthy" if self.healthy else "unhealthy",
            "redis": self.redis,
            "database": self.database,
            "background": self.background,
            **({"replica": self.replica} if self.replica else {}),
            "uptime": self.uptime_seconds,
            "timestamp": timestamp(int(time.time() * 1000)),
        }
