"""Scores one point with an action token, and repeats lost requests safely."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, cast

from .errors import ApiError, RequestFailed
from .models import Outcome

RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0)
MAX_RETRY_AFTER_SECONDS = 10.0
_TOO_MANY_REQUESTS = 429

Call = Callable[[str, str, dict[str, Any] | None], Awaitable[dict[str, Any]]]


class PointScorer:
    """`call` sends an authorised request: method, path, body."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._unsettled_token: str | None = None
        """A token that may have been counted, or that a rate limit refused."""
        self._maybe_counted = False
        """Whether a reply to an increment with it was lost."""
        self._turn = asyncio.Lock()

    async def score(self) -> Outcome:
        """Score one point; settles the point of an earlier call first, if that failed."""
        async with self._turn:
            if self._unsettled_token is not None:
                try:
                    return await self._spend(self._unsettled_token)
                except ApiError as error:
                    if error.code != "TOKEN_EXPIRED":
                        raise
            reply = await self._call("POST", "/api/actions/token", None)
            return await self._spend(reply["actionToken"])

    async def _spend(self, token: str) -> Outcome:
        if token != self._unsettled_token:
            self._unsettled_token, self._maybe_counted = token, False
        try:
            outcome = await self._increment_with_retries(token)
        except ApiError as error:
            if self._is_settled_by(error):
                self._unsettled_token = None
            raise
        self._unsettled_token = None
        return outcome

    def _is_settled_by(self, error: ApiError) -> bool:
        # If the point may have been counted, only a request with the same token shows it.
        unknown = error.code == "TOKEN_INVALID" and self._maybe_counted
        return not error.uncertain and error.status != _TOO_MANY_REQUESTS and not unknown

    async def _increment_with_retries(self, token: str) -> Outcome:
        for seconds in RETRY_SECONDS:
            try:
                return await self._increment(token)
            except RequestFailed as error:
                self._maybe_counted = self._maybe_counted or error.uncertain
                if not error.uncertain:
                    raise
                after = min(error.retry_after_seconds, MAX_RETRY_AFTER_SECONDS)
            await asyncio.sleep(max(after, seconds * random.uniform(1, 2)))  # noqa: S311 - jitter
        return await self._increment(token)

    async def _increment(self, token: str) -> Outcome:
        try:
            reply = await self._call("POST", "/api/scores/increment", {"actionToken": token})
        except ApiError as error:
            if error.code != "TOKEN_USED":
                raise
            # An earlier request was counted: the details are its result.
            reply = error.details
        return cast(Outcome, reply)
