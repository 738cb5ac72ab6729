"""Calls of the HTTP API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from .errors import ApiError, NoReply

REPLY_SECONDS = 10.0
"""A request without a reply in this time has failed."""


class Calls:
    """Sends JSON to the API at `url` over kept connections, for one event loop."""

    def __init__(self, url: str, http: httpx.AsyncClient | None = None) -> None:
        """`http` is a client that several scoreboards share; its owner closes it."""
        self.url = url.rstrip("/")
        self.http = http or httpx.AsyncClient(timeout=REPLY_SECONDS)
        self._is_owner = http is None

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        token: str | None = None,
    ) -> dict[str, Any]:
        """The JSON of a successful reply; raises ApiError or NoReply."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            reply = await self.http.request(
                method, f"{self.url}{path}", json=body, params=params, headers=headers
            )
        except httpx.HTTPError as error:
            raise NoReply(str(error) or type(error).__name__) from error
        return checked(reply)

    async def close(self) -> None:
        """Close the connections."""
        if self._is_owner:
            await self.http.aclose()


def checked(reply: httpx.Response) -> dict[str, Any]:
    """The JSON of a reply whose body was read; raises ApiError or NoReply."""
    try:
        found = reply.json() if reply.content else {}
    except ValueError as error:
        if reply.is_success:
            raise NoReply("the reply is not JSON") from error
        found = {}
    if not reply.is_success or not isinstance(found, dict):
        fields = found if isinstance(found, dict) else {}
        raise ApiError(reply.status_code, fields, retry_after(reply.headers))
    return found


def retry_after(headers: Mapping[str, str]) -> float:
    """The seconds of Retry-After, or 0."""
    seconds = headers.get("Retry-After", "")
    return float(seconds) if seconds.isdecimal() else 0.0
