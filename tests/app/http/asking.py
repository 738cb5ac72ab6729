"""Asking the API as a stranger does, and what every refusal of it has to look like."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.system.player import PASSWORD

# What would tell a stranger how the server is built.
_INSIDE = ("Traceback", 'File "', "<html", "<!doctype", "SELECT ", "INSERT ", "psycopg", "redis.")
WAIT_SECONDS = 10


@dataclass
class Api:
    """One server; paths are given in full, with /api or without."""

    url: str
    http: requests.Session = field(default_factory=requests.Session)

    def call(
        self, method: str, path: str, *, token: str | None = None, **options: Any
    ) -> requests.Response:
        """One request, with that access token if there is one."""
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self.http.request(
            method,
            f"{self.url}{path}",
            headers=headers,
            timeout=WAIT_SECONDS,
            allow_redirects=False,
            **options,
        )

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def post(
        self, path: str, body: Any = None, *, token: str | None = None, **options: Any
    ) -> requests.Response:
        """A POST of a body that is made JSON."""
        return self.call("POST", path, token=token, json=body, **options)

    def post_raw(
        self, path: str, data: Any, content_type: str | None = "application/json", **options: Any
    ) -> requests.Response:
        """A POST of these very bytes."""
        headers = {} if content_type is None else {"Content-Type": content_type}
        return self.call("POST", path, data=data, headers=headers, **options)

    def log_in(self, username: str, password: str = PASSWORD) -> requests.Response:
        return self.post("/api/auth/login", {"username": username, "password": password})

    def exchange(self, sent: bytes, *, until: bytes | None = None) -> bytes:
        """What the server writes to a connection on which exactly these bytes were sent.

        Reads to the connection's end, or until `until` has come.
        """
        address = urlsplit(self.url)
        received = b""
        with socket.create_connection((address.hostname, address.port), WAIT_SECONDS) as connection:
            connection.sendall(sent)
            while until is None or until not in received:
                try:
                    part = connection.recv(65536)
                except ConnectionResetError:
                    break
                if not part:
                    break
                received += part
        return received


def refused(
    reply: requests.Response, status: int, code: str, fields: set[str] | None = None
) -> dict[str, Any]:
    """The body of a refusal by the contract; `fields` are the keys of its details."""
    assert reply.status_code == status, reply.text
    assert reply.headers["Content-Type"] == "application/json"
    body: dict[str, Any] = reply.json()
    told = {"error", "code", "message", "requestId"}
    assert set(body) == (told if fields is None else told | {"details"})
    assert all(isinstance(body[name], str) and body[name] for name in told)
    assert body["code"] == code
    assert body["requestId"] == reply.headers["X-Request-Id"]
    if fields is not None:
        assert set(body["details"]) == fields
    assert ("Retry-After" in reply.headers) == (status in {429, 503})
    hides_the_inside(reply)
    return body


def hides_the_inside(reply: requests.Response) -> None:
    """No stack, SQL or HTML in the reply."""
    assert not [word for word in _INSIDE if word.lower() in reply.text.lower()], reply.text


def but_request_id(reply: requests.Response) -> bytes:
    """The reply's body without what differs in every reply."""
    return reply.content.replace(reply.headers["X-Request-Id"].encode(), b"")
