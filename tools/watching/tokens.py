"""The token to watch with: one that is given, or those of a login, which are renewed in time."""

from __future__ import annotations

from typing import Any, Protocol

import requests

from tools.watching.address import ANSWER_SECONDS, WatchingFailed


class Tokens(Protocol):
    """Where the stream has its token from."""

    renewable: bool

    def current(self) -> str:
        """The token to open the WebSocket with."""

    def renew(self) -> str:
        """A newer one; raises WatchingFailed, and requests' errors where trying again may help."""


class GivenToken:
    """An access token or a display's, which nobody here can renew."""

    renewable = False

    def __init__(self, token: str) -> None:
        self._token = token

    def current(self) -> str:
        return self._token

    def renew(self) -> str:
        raise WatchingFailed("The token has expired or was ended; get another one")


class LoginTokens:
    """The tokens of a session that is opened here; raises WatchingFailed when it is refused."""

    renewable = True

    def __init__(self, site: str, username: str, password: str) -> None:
        self._site = site
        self._login = {"username": username, "password": password}
        self._pair = self._log_in()

    def current(self) -> str:
        token: str = self._pair["accessToken"]
        return token

    def renew(self) -> str:
        """By the refresh token, or by a new login where the session has ended."""
        reply = self._post("refresh", {"refreshToken": self._pair["refreshToken"]})
        self._pair = reply.json() if reply.ok else self._log_in()
        return self.current()

    def _log_in(self) -> dict[str, Any]:
        reply = self._post("login", self._login)
        if not reply.ok:
            raise WatchingFailed(f"The login was refused: {_message(reply)}")
        pair: dict[str, Any] = reply.json()
        return pair

    def _post(self, call: str, body: dict[str, str]) -> requests.Response:
        reply = requests.post(f"{self._site}/api/auth/{call}", json=body, timeout=ANSWER_SECONDS)
        if reply.status_code == 429 or reply.status_code >= 500:  # noqa: PLR2004
            # Not this login's fault: the stream tries again.
            reply.raise_for_status()
        return reply


def _message(reply: requests.Response) -> str:
    try:
        return str(reply.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"status {reply.status_code}"
