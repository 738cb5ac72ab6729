"""A scoreboard in memory with a faulty network, to test clients of the API.

It does what a real server can't be made to do at will: lose requests and replies, reply with 5xx,
end sessions. Tests of the server itself use a real one.
"""

from __future__ import annotations

import json
import threading
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Lost(Enum):
    """Where the connection breaks."""

    REQUEST = "before the server carried out the request"
    REPLY = "after the server carried out the request"


@dataclass(frozen=True)
class ErrorReply:
    """A reply that is sent instead of carrying out the request."""

    status: int
    code: str = ""
    retry_after: int | None = None
    details: dict[str, list[str]] = field(default_factory=dict, hash=False)


@dataclass
class User:
    user_id: str
    username: str
    display_name: str
    password: str
    session: int = 0
    score: int = 0


@dataclass
class StubScoreboard:
    """A server that runs while entered. Each request uses up one of the faults of its path."""

    faults: dict[str, deque[Lost | ErrorReply]] = field(default_factory=lambda: defaultdict(deque))
    expires_in: float = 900
    page: int = 100
    warning: bool = False

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.users: dict[str, User] = {}
        self.tokens: dict[str, tuple[str, bool]] = {}
        self.calls: list[tuple[str, str]] = []
        """Path and username of each request."""
        self.scored: list[str] = []
        """Display names in the order of their points."""
        self.in_flight: Counter[str] = Counter()
        self.most_in_flight = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> StubScoreboard:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def points(self) -> dict[str, int]:
        return {user.display_name: user.score for user in self.users.values() if user.score}

    def count(self, path: str) -> int:
        return sum(called == path for called, _ in self.calls)

    def reply_to(
        self, path: str, query: dict[str, list[str]], body: dict[str, Any], bearer: str
    ) -> tuple[int, dict[str, Any]]:
        """The status and body that the real server would send to a correct client."""
        if path == "/api/leaderboard":
            return 200, self._board(query)
        if path == "/api/auth/register":
            return self._register(body)
        if path == "/api/auth/login":
            found = self.users.get(body["username"])
            matches = found is not None and found.password == body["password"]
            return self._start_session(found if matches else None, "INVALID_CREDENTIALS")
        if path == "/api/auth/refresh":
            return self._start_session(
                self._user(body["refreshToken"], "refresh"), "SESSION_REVOKED"
            )
        user = self._user(bearer, "access")
        if user is None:
            return 401, {"code": "AUTH_INVALID"}
        return (
            self._issue_token(user) if path == "/api/actions/token" else self._increment(body, user)
        )

    def _issue_token(self, user: User) -> tuple[int, dict[str, Any]]:
        token = f"action-{len(self.tokens)}"
        self.tokens[token] = (user.username, False)
        return 200, {"actionToken": token, "expiresIn": 60}

    def _increment(self, body: dict[str, Any], user: User) -> tuple[int, dict[str, Any]]:
        owner, used = self.tokens[body["actionToken"]]
        if owner != user.username:
            return 400, {"code": "TOKEN_INVALID"}
        if used:
            return 400, {"code": "TOKEN_USED", "details": {"newScore": user.score}}
        self.tokens[body["actionToken"]] = (owner, True)
        user.score += 1
        self.scored.append(user.display_name)
        warning = {"warning": {"code": "FRAUD_FLAGGED"}} if self.warning else {}
        return 200, {"newScore": user.score, "newRank": 1, "boardVersion": 7, **warning}

    def _register(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if body["username"] in self.users:
            return 409, {"code": "USERNAME_TAKEN"}
        user = User(
            f"id-{len(self.users)}", body["username"], body["displayName"], body["password"]
        )
        self.users[user.username] = user
        return 201, self._tokens(user)

    def _start_session(self, user: User | None, code: str) -> tuple[int, dict[str, Any]]:
        return (401, {"code": code}) if user is None else (200, self._tokens(user))

    def _tokens(self, user: User) -> dict[str, Any]:
        user.session += 1
        return {
            "userId": user.user_id,
            "accessToken": f"access {user.session} {user.username}",
            "refreshToken": f"refresh {user.session} {user.username}",
            "expiresIn": self.expires_in,
        }

    def _user(self, token: str, kind: str) -> User | None:
        claimed, session, username = [*token.split(" ", 2), "", ""][:3]
        user = self.users.get(username)
        if user is None or claimed != kind or session != str(user.session):
            return None
        return user

    def _board(self, query: dict[str, list[str]]) -> dict[str, Any]:
        scorers = sorted((user for user in self.users.values() if user.score), key=_negative_score)
        scores = [user.score for user in scorers]
        begin = int(query.get("after", ["0"])[0])
        end = begin + min(self.page, int(query["limit"][0]))
        rows = [
            {
                "rank": scores.index(user.score) + 1,
                "userId": user.user_id,
                "username": user.username,
                "displayName": user.display_name,
                "score": user.score,
            }
            for user in scorers[begin:end]
        ]
        return {"version": 7, "leaderboard": rows, "next": str(end) if scores[end:] else None}


def _negative_score(user: User) -> int:
    return -user.score


def _handler(stub: StubScoreboard) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._serve({})

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            self._serve(json.loads(self.rfile.read(length) or b"{}"))

        def _serve(self, body: dict[str, Any]) -> None:
            url = urlsplit(self.path)
            bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
            username = str(body.get("username") or bearer.rpartition(" ")[2])
            with stub.lock:
                stub.calls.append((url.path, username))
                stub.in_flight[username] += 1
                stub.most_in_flight = max(stub.most_in_flight, stub.in_flight[username])
                fault = stub.faults[url.path].popleft() if stub.faults[url.path] else None
            with stub.lock:
                if fault in {None, Lost.REPLY}:
                    status, reply = stub.reply_to(url.path, parse_qs(url.query), body, bearer)
                stub.in_flight[username] -= 1
            if isinstance(fault, Lost):
                self.close_connection = True
            elif fault is not None:
                error = {"code": fault.code, "details": fault.details}
                self._send(fault.status, error, fault.retry_after)
            else:
                self._send(status, reply, None)

        def _send(self, status: int, reply: dict[str, Any], retry_after: int | None) -> None:
            payload = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            if retry_after is not None:
                self.send_header("Retry-After", str(retry_after))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """No log: pytest shows what failed."""

    return Handler
