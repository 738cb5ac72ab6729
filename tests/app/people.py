"""Players without HTTP: accounts made and points scored through the services."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Self

from app.composition import Services
from app.contract.identity import Identity
from app.services.scoring import Outcome

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Person:
    """An account and the identity of its first session."""

    services: Services
    user_id: str
    username: str
    identity: Identity

    @classmethod
    def register(cls, services: Services, display_name: str = "Somebody") -> Self:
        """A new account with a name of its own."""
        username = f"p_{secrets.token_hex(6)}"
        admitted = services.accounts.register(username, PASSWORD, display_name)
        identity = services.verifier.verify(admitted.tokens.access_token, "access")
        return cls(services, admitted.user.id, username, identity)

    def token(self) -> str:
        """A new action token."""
        return self.services.scoring.issue_token(self.identity).text

    def score(self, points: int = 1) -> Outcome:
        """Score one after the other; the outcome of the last."""
        for _ in range(points):
            outcome = self.services.scoring.increment(self.identity, self.token()).outcome
        return outcome
