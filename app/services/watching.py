"""Watching: who may hold a WebSocket open, whether a player or a display."""

from __future__ import annotations

from app.contract.errors import AuthInvalid
from app.contract.identity import Identity, JwtVerifier
from app.services.displays import Displays
from app.services.sessions import Sessions


class Watching:
    """Knows viewers by their tokens: access tokens, and those of displays."""

    def __init__(self, verifier: JwtVerifier, sessions: Sessions, displays: Displays) -> None:
        self._verifier = verifier
        self._sessions = sessions
        self._displays = displays

    def identify(self, token: str) -> Identity:
        """Who the token is, without I/O; raises AuthInvalid."""
        return self._verifier.verify(token, "access", "display")

    def verify(self, identity: Identity, *, require_redis: bool = False) -> None:
        """Check that the viewer may watch now; raises as Sessions.verify and Displays.verify."""
        if identity.typ == "display":
            self._displays.verify(identity, require_redis=require_redis)
        else:
            self._sessions.verify(identity, require_redis=require_redis)

    def renew(self, identity: Identity, token: str) -> Identity:
        """Who goes on watching by a newer token; raises AuthInvalid for somebody else's too.

        A display's user is its token, so no other token can renew it: it opens a new WebSocket.
        """
        renewed = self.identify(token)
        if renewed.user_id != identity.user_id:
            raise AuthInvalid()
        self.verify(renewed)
        return renewed
