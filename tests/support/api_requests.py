"""HTTP requests to a server, and checks of its error replies."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.support.system.player import PASSWORD

# Texts that reveal how the server is built.
_INSIDE = ("Traceback", 'File "', "<html", "<!doctype", "SELECT ", "INSERT ", "psycopg", "redis.")
WAIT_SECONDS = 10


@dataclass
class Api:
    """One server; paths are complete, with or without /api."""

    url: str
    http: requests.Session = field(default_factory=requests.Session)

    def call(
        self, method: str, path: str, *, token: str | None = None, **options: Any
    ) -> requests.Response:
        """One request, with the access token if given."""
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
        """A POST of the body as JSON."""
        return self.call("POST", path, token=token, json=body, **options)

    def post_raw(
        self, path: str, data: Any, content_type: str | None = "application/json", **options: Any
    ) -> requests.Response:
        """A POST of exactly these bytes."""
        headers = {} if content_type is None else {"Content-Type": content_type}
        return self.call("POST", path, data=data, headers=headers, **options)

    def log_in(self, username: str, password: str = PASSWORD) -> requests.Response:
        return self.post("/api/auth/login", {"username": username, "password": password})

    def exchange(self, sent: bytes, *, until: bytes | None = None) -> bytes:
        """Send exactly these bytes and return the server's bytes, up to `until` or the end."""
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
    """Assert an error reply of the contract; returns its body. `fields` are keys of its details."""
    assert reply.status_code == status, reply.text
    assert reply.headers["Content-Type"] == "application/json"
    body: dict[str, Any] = reply.json()
    required = {"error", "code", "message", "requestId"}
    assert set(body) == (required if fields is None else required | {"details"})
    assert all(isinstance(body[name], str) and body[name] for name in required)
    assert body["code"] == code
    assert body["requestId"] == reply.headers["X-Request-Id"]
    if fields is not None:
        assert set(body["details"]) == fields
    assert ("Retry-After" in reply.headers) == (status in {429, 503})
    assert_hides_internals(reply)
    return body


def assert_hides_internals(reply: requests.Response) -> None:
    """Assert that the reply has no stack, SQL or HTML."""
    assert not [word for word in _INSIDE if word.lower() in reply.text.lower()], reply.text


def but_request_id(reply: requests.Response) -> bytes:
    """The body of the reply without its request id, which differs in every reply."""
    return reply.content.replace(reply.headers["X-Request-Id"].encode(), b"")
