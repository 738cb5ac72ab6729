"""The scoreboard's HTTP API as a client sees it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import requests

ANSWER_SECONDS = 15
"""How long an answer may take; after that it counts as lost."""
TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500


class ReplayFailed(Exception):
    """The replay can't go on; the message says why."""


@dataclass(frozen=True)
class Reply:
    """One answer; status 0: none came, so nobody here knows what the server did."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)
    retry_after: float = 0.0
    """Seconds."""

    @property
    def code(self) -> str:
        """The error's code, or nothing."""
        return str(self.body.get("code", ""))

    @property
    def uncertain(self) -> bool:
        """Whether the request may have been carried out all the same."""
        return self.status == 0 or self.status >= _SERVER_ERRORS

    def __str__(self) -> str:
        if self.status == 0:
            return "no answer"
        said = f"{self.status} {self.code} {self.body.get('message', '')}".strip()
        request_id = self.body.get("requestId")
        return f"{said} (request {request_id})" if request_id else said


class Api:
    """Calls the API at `url`, with one kept-alive connection a thread."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._local = threading.local()

    def get(self, path: str, params: dict[str, Any]) -> Reply:
        """GET of a public path under /api."""
        return self._call("GET", path, params=params)

    def post(self, path: str, body: dict[str, Any], access_token: str | None = None) -> Reply:
        """POST of JSON to a path under /api, as the bearer of the token."""
        headers = {"Authorization": f"Bearer {access_token}"} if access_token else {}
        return self._call("POST", path, json=body, headers=headers)

    def _call(self, method: str, path: str, **content: Any) -> Reply:
        try:
            response = self._session().request(
                method,
                f"{self.url}/api{path}",
                timeout=ANSWER_SECONDS,
                allow_redirects=False,
                **content,
            )
        except requests.RequestException:
            return Reply(0)
        try:
            body = response.json()
        except requests.JSONDecodeError:
            body = {}
        return Reply(response.status_code, body if isinstance(body, dict) else {}, _wait(response))

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
        session: requests.Session = self._local.session
        return session


def _wait(response: requests.Response) -> float:
    seconds = response.headers.get("Retry-After", "")
    return float(seconds) if seconds.isdecimal() else 0.0
