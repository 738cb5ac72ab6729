"""The token that a client acts with: that of a login, which is renewed, or a given one."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from .calls import Calls
from .errors import ApiError, SessionEnded

RENEWAL_MARGIN_SECONDS = 30.0
"""How long before its expiry a token is renewed; at most half its lifetime."""
_UNAUTHORIZED, _FORBIDDEN = 401, 403


class Credentials:
    """No token at first, or a given access token or display token, which can't be renewed."""

    def __init__(self, calls: Calls, token: str | None) -> None:
        self._calls = calls
        self._token = token
        self._refresh_token: str | None = None
        self._renew_at = float("inf")
        self._renewal = asyncio.Lock()
        self.user_id: str | None = None

    @property
    def present(self) -> bool:
        """Whether there is a token."""
        return self._token is not None

    @property
    def renewable(self) -> bool:
        """Whether the token comes from a login."""
        return self._refresh_token is not None

    def begin(self, reply: dict[str, Any]) -> None:
        """Use the tokens of a login or a registration."""
        self.user_id = reply["userId"]
        self._adopt(reply)

    def end(self) -> None:
        """Forget the tokens."""
        self._token = self._refresh_token = self.user_id = None
        self._renew_at = float("inf")

    async def token(self) -> str:
        """A token that is not about to expire.

        Raises SessionEnded if there is none, and ApiError or NoReply if a renewal fails.
        """
        if self._token is None:
            raise SessionEnded("Log in first")
        if time.monotonic() >= self._renew_at:
            await self.renew(self._token)
        return self._token

    async def renew(self, used: str) -> str:
        """Replace the token `used`, unless another caller has done so; returns the new one.

        Raises SessionEnded if it can't be renewed, and ApiError or NoReply if a retry may help.
        """
        async with self._renewal:
            if self._token is None or (self._token == used and self._refresh_token is None):
                raise SessionEnded("The token has expired or was revoked; get another one")
            if self._token == used:
                await self._exchange()
        return self._token

    async def _exchange(self) -> None:
        body = {"refreshToken": self._refresh_token}
        try:
            self._adopt(await self._calls.call("POST", "/api/auth/refresh", body=body))
        except ApiError as error:
            if error.status not in {_UNAUTHORIZED, _FORBIDDEN}:
                raise
            self.end()
            raise SessionEnded(str(error)) from error

    def _adopt(self, reply: dict[str, Any]) -> None:
        lifetime = float(reply["expiresIn"])
        self._token, self._refresh_token = reply["accessToken"], reply["refreshToken"]
        self._renew_at = time.monotonic() + lifetime - min(RENEWAL_MARGIN_SECONDS, lifetime / 2)
