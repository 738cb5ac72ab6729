"""Calls the whole contract, also with errors, and records every secret that it used."""

from __future__ import annotations

import base64
import json
import secrets
import socket
from contextlib import suppress
from typing import Any

import psycopg2
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.support.environment import base_environment
from tests.support.system.harness import SystemHarness
from tests.support.waiting import await_true

ATTEMPTS = 12
"""Attempts of one kind that the fraud rules allow, by the settings below."""
SETTINGS = {
    "LOG_LEVEL": "DEBUG",
    "TOKEN_LIMIT": "10 per minute",
    "FRAUD_RAPID_MAX": str(ATTEMPTS),
    "FRAUD_RAPID_SECONDS": "3",
    "FRAUD_BAN_AFTER": "2",
}
READS = (
    "/api/leaderboard", "/leaderboard?limit=3", "/api/leaderboard?limit=0", "/metrics", "/health",
    "/api/leaderboard/around-me", "/api/users/me", "/openapi.json", "/.well-known/jwks.json",
    "/api/admin/users", "/nothing", "/", "/assets/main.js",
)  # fmt: skip


class ContractWalk:
    """`replies` are the responses by request id, `secrets` all that were sent or received."""

    def __init__(self, system: SystemHarness) -> None:
        self.system = system
        self.replies: dict[str, requests.Response] = {}
        environment = base_environment()
        key = environment["JWT_PRIVATE_KEY"].splitlines()
        self.secrets = {
            environment["ACTION_TOKEN_SECRET"],
            *(line for line in key if "-" not in line),
        }

    def walk(self) -> None:
        """Make every call, valid and invalid."""
        tokens = self._accounts()
        self._reads(tokens["accessToken"])
        self._act(tokens["accessToken"])
        self._provoke_a_ban()
        self._broken_requests()
        self._watch(tokens["accessToken"])
        self._fail_with_secret_parameters()

    def secret(self, value: str | None = None) -> str:
        """Record a secret, by default a new one."""
        value = value or secrets.token_urlsafe(24)
        self.secrets.add(value)
        return value

    def call(self, method: str, path: str, token: str = "", **options: Any) -> requests.Response:
        """Make one request; records the tokens in the response as secrets."""
        if token:
            options["headers"] = {"Authorization": f"Bearer {token}"} | options.get("headers", {})
        base = options.pop("base", self.system.url)
        reply = requests.request(method, f"{base}{path}", timeout=10, **options)
        self.replies[reply.headers["X-Request-Id"]] = reply
        with suppress(ValueError, AttributeError):
            for name, value in reply.json().items():
                if name.endswith("Token"):
                    self.secret(value)
        return reply

    def _accounts(self) -> dict[str, str]:
        password = self.secret()
        account = {"username": f"walker_{secrets.token_hex(4)}", "password": password}
        made = self.call("POST", "/api/auth/register", json=account).json()
        self.call("POST", "/api/auth/register", json=account)
        self.call("POST", "/auth/login", json=account)
        for wrong in (
            {**account, "password": self.secret()},
            {**account, "username": "unknown", "password": self.secret()},
            {**account, "password": [self.secret()]},
            {**account, "password": self.secret("x" + secrets.token_hex(40))},
            {**account, "accessToken": made["accessToken"]},
        ):
            self.call("POST", "/api/auth/login", json=wrong)
            self.call("POST", "/api/auth/register", json=wrong)
        renewed = {"refreshToken": made["refreshToken"]}
        fresh = self.call("POST", "/api/auth/refresh", json=renewed).json()
        change = {"oldPassword": password, "newPassword": self.secret()}
        changed = self.call("POST", "/api/auth/password", fresh["accessToken"], json=change).json()
        self.call("POST", "/api/auth/password", changed["accessToken"], json=change)
        self.call("POST", "/api/auth/refresh", json=renewed)
        self.call("GET", "/api/users/me", fresh["accessToken"])
        account["password"] = change["newPassword"]
        tokens: dict[str, str] = self.call("POST", "/api/auth/login", json=account).json()
        left = self.call("POST", "/api/auth/login", json=account).json()
        self.call("POST", "/api/auth/logout", left["accessToken"])
        self.call("GET", "/api/users/me", left["accessToken"])
        return tokens

    def _reads(self, token: str) -> None:
        for path in READS:
            self.call("GET", path)
            self.call("GET", path, token)
            self.call("GET", path, params={"token": token})
            self.call("PUT", path, self.secret())
        basic = base64.b64encode(f"ada:{self.secret()}".encode()).decode()
        for value in (f"Basic {self.secret(basic)}", self.secret(), f"Bearer {self.secret()} x"):
            self.call("GET", "/api/users/me", headers={"Authorization": value})

    def _act(self, token: str) -> None:
        asked = [self.call("POST", "/api/actions/token", token) for _ in range(11)]
        assert asked[-1].status_code == 429
        spent = asked[0].json()["actionToken"]
        for text in (spent, spent, self.secret(spent[:-3] + "abc"), self.secret()):
            self.call("POST", "/api/scores/increment", token, json={"actionToken": text})

    def _provoke_a_ban(self) -> None:
        account = {"username": f"cheat_{secrets.token_hex(4)}", "password": self.secret()}
        token = self.call("POST", "/api/auth/register", json=account).json()["accessToken"]

        def is_banned() -> bool:
            reply = self.call("POST", "/api/scores/increment", token, json={"actionToken": "x"})
            return bool(reply.json()["code"] == "USER_BANNED")

        await_true(is_banned, 30)
        self.call("POST", "/api/auth/login", json=account)

    def _broken_requests(self) -> None:
        for path in ("/api/auth/login", "/api/scores/increment", "/nothing"):
            json_type = {"Content-Type": "application/json"}
            truncated = f'{{"password": "{self.secret()}", '
            self.call("POST", path, data=truncated, headers=json_type)
            self.call("POST", path, data=f"password={self.secret()}")
            self.call("POST", path, data=self.secret() + "x" * 20_000, headers=json_type)
        for port in (self.system.ports[0], self.system.broadcaster_port):
            for head in (
                f"GET /ws?token={self.secret()} HTTP/9.9\r\n\r\n",
                f"NONSENSE /ws?token={self.secret()}\r\n\r\n",
                f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization Bearer {self.secret()}\r\n\r\n",
                f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization\t: {self.secret()}\r\n\r\n",
                f"GET / HTTP/1.1\r\nAuthorization: {self.secret()}{'y' * 70_000}\r\n\r\n",
                f"Bearer {self.secret()}\r\n\r\n",
            ):
                with socket.create_connection(("127.0.0.1", port), 10) as connection:
                    connection.sendall(head.encode())
                    with suppress(ConnectionResetError):
                        connection.recv(4096)

    def _watch(self, token: str) -> None:
        base = f"http://127.0.0.1:{self.system.broadcaster_port}"
        for path in ("/health", "/metrics", "/nothing", "/ws"):
            self.call("GET", path, base=base)
            self.call("POST", path, self.secret(), base=base, params={"token": token})
        self.call("GET", "/ws", token, base=base)
        for bad in (self.secret(), self.secret(token[:-4] + "AAAA")):
            with suppress(InvalidStatus), connect(f"{self.system.websocket_url}?token={bad}"):
                raise AssertionError("accepted")
        for options in (
            {"additional_headers": {"Authorization": f"Bearer {token}"}},
            {"subprotocols": ["bearer", token]},
        ):
            with connect(self.system.websocket_url, **options) as viewer:
                viewer.recv(10)
        with connect(f"{self.system.websocket_url}?token={token}") as viewer:
            for message in ({"type": "ping"}, {"type": "auth", "token": token}, {"type": "x"}):
                viewer.send(json.dumps(message))
            viewer.send(json.dumps({"type": "auth", "token": self.secret()}))
            viewer.send(f"not JSON {self.secret()}")
            while json.loads(viewer.recv(10)).get("event") != "pong":
                pass

    def _fail_with_secret_parameters(self) -> None:
        """Let PostgreSQL fail while secrets are among the parameters of a statement."""
        with psycopg2.connect(self.system.stores.database_url) as connection:
            with connection.cursor() as cursor:
                cursor.execute("SELECT password_hash FROM users")
                self.secrets |= {row[0] for row in cursor}
                cursor.execute("ALTER TABLE users RENAME TO renamed")
            connection.commit()
            account = {"username": f"late_{secrets.token_hex(4)}", "password": self.secret()}
            for path in ("register", "login"):
                assert self.call("POST", f"/api/auth/{path}", json=account).status_code == 500
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE renamed RENAME TO users")
        connection.close()
