"""Scores from a trusted server, for programs without asyncio."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from .async_service import AsyncService
from .loop_thread import LoopThread
from .models import Act, Result


class Service:
    """Gives points with a service key (`sk_…`); close it at the end.

    A call whose reply is lost is repeated for `retry_seconds`; the ids of the acts make it safe.
    Several threads may use one service. Make it after a fork.
    """

    def __init__(self, url: str, key: str, *, retry_seconds: float = 60.0) -> None:
        self._thread = LoopThread()
        self._service = self._thread.call(
            lambda: AsyncService(url, key, retry_seconds=retry_seconds)
        )

    def score(self, acts: Iterable[Act]) -> list[Result]:
        """Count acts, 500 a call, and return an answer for each, in their order.

        Raises ScoresUnanswered if the server refuses a call, such as for a revoked key, or does not
        answer within the time for retries.
        """
        return self._thread.run(self._service.score(acts))

    def close(self) -> None:
        """Close the connections."""
        self._thread.close(self._service.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
