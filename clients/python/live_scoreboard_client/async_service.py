"""Scores from a trusted server, for programs with asyncio."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self, cast

from .calls import Calls
from .errors import ApiError, RequestFailed, ScoresUnanswered
from .models import Act, Result

MAX_ACTS = 500
MAX_BYTES = 250_000
"""The API takes 256 KiB; the rest is for the JSON around the acts."""
FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS = 0.5, 8.0
_TOO_MANY_REQUESTS = 429


class AsyncService:
    """Gives points with a service key (`sk_…`); close it at the end.

    A call whose reply is lost is repeated for `retry_seconds`; the ids of the acts make it safe.
    """

    def __init__(self, url: str, key: str, *, retry_seconds: float = 60.0) -> None:
        self._calls = Calls(url)
        self._key = key
        self._retry_seconds = retry_seconds

    async def score(self, acts: Iterable[Act]) -> list[Result]:
        """Count acts, 500 a call, and return an answer for each, in their order.

        Raises ScoresUnanswered if the server refuses a call, such as for a revoked key, or does not
        answer within the time for retries.
        """
        all_acts = list(acts)
        results: list[Result] = []
        # All batches before the first call: an act that can't be sent must not end it halfway.
        for batch in list(batches(all_acts)):
            try:
                results += await self._send(batch)
            except RequestFailed as error:
                raise ScoresUnanswered(results, all_acts[len(results) :], error) from error
        return results

    async def _send(self, batch: list[Act]) -> list[Result]:
        body = {"scores": [act.as_json() for act in batch]}
        give_up_at = time.monotonic() + self._retry_seconds
        backoff = FIRST_RETRY_SECONDS
        while True:
            try:
                reply = await self._calls.call(
                    "POST", "/api/service/scores", body=body, token=self._key
                )
                return cast(list[Result], reply["results"])
            except RequestFailed as error:
                pause = max(error.retry_after_seconds, backoff * random.uniform(0.5, 1))  # noqa: S311 - jitter
                if not _may_repeat(error) or time.monotonic() + pause > give_up_at:
                    raise
            await asyncio.sleep(pause)
            backoff = min(backoff * 2, MAX_RETRY_SECONDS)

    async def close(self) -> None:
        """Close the connections."""
        await self._calls.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def batches(acts: Iterable[Act]) -> Iterator[list[Act]]:
    """The acts in their order, in parts that the API takes in one call."""
    batch: list[Act] = []
    size = 0
    for act in acts:
        length = len(json.dumps(act.as_json()).encode()) + 2
        if batch and (len(batch) == MAX_ACTS or size + length > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(act)
        size += length
    if batch:
        yield batch


def _may_repeat(error: RequestFailed) -> bool:
    return error.uncertain or (isinstance(error, ApiError) and error.status == _TOO_MANY_REQUESTS)
