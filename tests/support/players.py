"""Players without HTTP: accounts that are registered and points that are scored by the services."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Self

from app.contract.identity import Identity
from app.contract.standings import Outcome
from app.scoring.action_tokens import ActionToken, ActionTokenCodec
from tests.support.services import Services

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Person:
    """An account and the identity of its first session."""

    services: Services
    user_id: str
    username: str
    identity: Identity

    @classmethod
    def register(cls, services: Services, display_name: str = "Player") -> Self:
        """A new account with a random username."""
        username = f"p_{secrets.token_hex(6)}"
        login = services.accounts.register(username, PASSWORD, display_name)
        identity = services.verifier.verify(login.tokens.access_token, "access")
        return cls(services, login.user.id, username, identity)

    def token(self, board: str = "main") -> str:
        """A new action token of a board."""
        return self.services.scoring.issue_token(self.identity, board_key=board).text

    def aged_token(self, milliseconds: int) -> str:
        """A token that was issued this long ago, signed with the secret of the services."""
        codec = ActionTokenCodec(self.services.settings.action_token_secret)
        issued_at = int(time.time() * 1000) - milliseconds
        return codec.encode(ActionToken(self.user_id, issued_at, codec.new_nonce()))

    def score(self, points: int = 1, board: str = "main") -> Outcome:
        """Score points on a board one after the other; the outcome of the last."""
        for _ in range(points):
            outcome = self.services.scoring.increment(self.identity, self.token(board)).outcome
        return outcome
