"""A player: a client of the API that registers, requests action tokens and spends them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any, Self

import requests

PASSWORD = "correct horse battery"


@dataclass
class Player:
    """One account with its session; every call returns the server's response."""

    url: str
    username: str
    user_id: str
    access_token: str
    refresh_token: str
    http: requests.Session = field(default_factory=requests.Session)

    @classmethod
    def register(cls, url: str, *, display_name: str | None = None) -> Self:
        """Register an account with a unique username."""
        username = f"player_{secrets.token_hex(6)}"
        body = {"username": username, "password": PASSWORD, "displayName": display_name or username}
        reply = requests.post(f"{url}/api/auth/register", json=body, timeout=10)
        assert reply.status_code == 201, reply.text
        made = reply.json()
        return cls(url, username, made["userId"], made["accessToken"], made["refreshToken"])

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call the API with the access token."""
        headers = {"Authorization": f"Bearer {self.access_token}"} | options.pop("headers", {})
        options = {"timeout": 10} | options
        return self.http.request(method, f"{self.url}/api{path}", headers=headers, **options)

    def ask_token(self) -> str:
        """Request an action token."""
        reply = self.call("POST", "/actions/token")
        assert reply.status_code == 200, reply.text
        token: str = reply.json()["actionToken"]
        return token

    def spend(self, token: str, *, url: str | None = None) -> requests.Response:
        """Spend an action token, at the API process `url` if given."""
        return requests.post(
            f"{url or self.url}/api/scores/increment",
            json={"actionToken": token},
            headers={"Authorization": f"Bearer {self.access_token}"},
            timeout=30,
        )

    def score_point(self) -> dict[str, Any]:
        """Request a token and spend it; returns newScore, newRank and boardVersion."""
        reply = self.spend(self.ask_token())
        assert reply.status_code == 200, reply.text
        outcome: dict[str, Any] = reply.json()
        return outcome

    def take_the_lead(self) -> dict[str, Any]:
        """Score until no other player has as many points; returns the last outcome."""
        while self.score_point()["newRank"] > 1:
            pass
        # Rank 1 may be shared by more than ten players, and then the latest isn't on the board.
        return self.score_point()
