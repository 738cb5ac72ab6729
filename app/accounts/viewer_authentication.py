"""Authenticates viewers by an access token or a display token."""

from __future__ import annotations

from app.accounts.display_tokens import DisplayTokenVerification
from app.accounts.sessions import SessionVerification
from app.contract.errors import AuthInvalid
from app.contract.identity import Identity, JwtVerifier


class ViewerAuthentication:
    """Identifies viewers and checks that their sessions or display tokens are valid."""

    def __init__(
        self,
        verifier: JwtVerifier,
        sessions: SessionVerification,
        display_tokens: DisplayTokenVerification,
    ) -> None:
        self._verifier = verifier
        self._sessions = sessions
        self._display_tokens = display_tokens

    def identify(self, token: str) -> Identity:
        """The identity in the token, without I/O; raises AuthInvalid."""
        return self._verifier.verify(token, "access", "display")

    def verify(self, identity: Identity, *, require_redis: bool = False) -> None:
        """Check that the viewer may watch now.

        Raises as SessionVerification.verify and DisplayTokenVerification.verify do.
        """
        if identity.typ == "display":
            self._display_tokens.verify(identity, require_redis=require_redis)
        else:
            self._sessions.verify(identity, require_redis=require_redis)

    def renew(self, identity: Identity, token: str) -> Identity:
        """The identity with which the viewer continues after sending a newer token.

        Raises AuthInvalid, also if the token belongs to another user. A display cannot renew: its
        user is the token itself, so a new token needs a new WebSocket.
        """
        renewed = self.identify(token)
        if renewed.user_id != identity.user_id:
            raise AuthInvalid()
        self.verify(renewed)
        return renewed
