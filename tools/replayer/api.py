"""A client of the scoreboard's HTTP API."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Any

import requests

REPLY_TIMEOUT_SECONDS = 15
"""A request without a reply in this time counts as lost."""
BAD_REQUEST, TOO_MANY_REQUESTS = 400, 429
_SERVER_ERRORS = 500


class ReplayFailed(Exception):
    """The replay can't continue; the message says why."""


@dataclass(frozen=True)
class Reply:
    """One reply. Status 0: none came, so it is not known what the server did."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)
    retry_after_seconds: float = 0.0

    @property
    def code(self) -> str:
        """The error's code, or ""."""
        return str(self.body.get("code", ""))

    @property
    def uncertain(self) -> bool:
        """Whether the server may have carried out the request although it failed here."""
        return self.status == 0 or self.status >= _SERVER_ERRORS

    def __str__(self) -> str:
        if self.status == 0:
            return "no reply"
        text = f"{self.status} {self.code} {self.body.get('message', '')}".strip()
        if self.status == BAD_REQUEST and (details := self.body.get("details")):
            text = f"{text} {json.dumps(details, ensure_ascii=False)}"
        request_id = self.body.get("requestId")
        return f"{text} (request {request_id})" if request_id else text


class ApiClient:
    """Calls the API at `url` with one kept-alive connection per thread."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._local = threading.local()

    def get(self, path: str, params: dict[str, Any]) -> Reply:
        """GET a public path under /api."""
        return self._call("GET", path, params=params)

    def post(self, path: str, body: dict[str, Any], access_token: str | None = None) -> Reply:
        """POST JSON to a path under /api, with the access token if one is given."""
        headers = {"Authorization": f"Bearer {access_token}"} if access_token else {}
        return self._call("POST", path, json=body, headers=headers)

    def _call(self, method: str, path: str, **content: Any) -> Reply:
        try:
            response = self._session().request(
                method,
                f"{self.url}/api{path}",
                timeout=REPLY_TIMEOUT_SECONDS,
                allow_redirects=False,
                **content,
            )
        except requests.RequestException:
            return Reply(0)
        try:
            body = response.json()
        except requests.JSONDecodeError:
            body = {}
        retry_after_seconds = _retry_after(response)
        return Reply(
            response.status_code, body if isinstance(body, dict) else {}, retry_after_seconds
        )

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
        session: requests.Session = self._local.session
        return session


def _retry_after(response: requests.Response) -> float:
    seconds = response.headers.get("Retry-After", "")
    return float(seconds) if seconds.isdecimal() else 0.0
