"""The token to connect with: a given one, or one of a login, which is renewed."""

from __future__ import annotations

from typing import Any, Protocol

import requests

from tools.watcher.address import REPLY_TIMEOUT_SECONDS, WatchFailed


class TokenSource(Protocol):
    """Provides the token of a stream."""

    renewable: bool

    def current(self) -> str:
        """The token to open the WebSocket with."""

    def renew(self) -> str:
        """A new token; raises WatchFailed, or an error of requests if a retry may help."""


class GivenToken:
    """An access token or display token that the user gave; it can't be renewed."""

    renewable = False

    def __init__(self, token: str) -> None:
        self._token = token

    def current(self) -> str:
        return self._token

    def renew(self) -> str:
        raise WatchFailed("The token has expired or was revoked; get another one")


class LoginTokens:
    """The tokens of a new session; the constructor logs in and raises WatchFailed if refused."""

    renewable = True

    def __init__(self, site: str, username: str, password: str) -> None:
        self._site = site
        self._credentials = {"username": username, "password": password}
        self._tokens = self._log_in()

    def current(self) -> str:
        token: str = self._tokens["accessToken"]
        return token

    def renew(self) -> str:
        """Use the refresh token, or log in again if the session has ended."""
        reply = self._post("refresh", {"refreshToken": self._tokens["refreshToken"]})
        self._tokens = reply.json() if reply.ok else self._log_in()
        return self.current()

    def _log_in(self) -> dict[str, Any]:
        reply = self._post("login", self._credentials)
        if not reply.ok:
            raise WatchFailed(f"The login was refused: {_message(reply)}")
        tokens: dict[str, Any] = reply.json()
        return tokens

    def _post(self, call: str, body: dict[str, str]) -> requests.Response:
        url = f"{self._site}/api/auth/{call}"
        reply = requests.post(url, json=body, timeout=REPLY_TIMEOUT_SECONDS)
        if reply.status_code == 429 or reply.status_code >= 500:  # noqa: PLR2004
            # A retry may help, so this is not a WatchFailed.
            reply.raise_for_status()
        return reply


def _message(reply: requests.Response) -> str:
    try:
        return str(reply.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"status {reply.status_code}"
