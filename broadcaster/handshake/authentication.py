"""Decides whether a request may open a WebSocket: origin, token, upgrade, session (flow 5)."""

from __future__ import annotations

import re

from flask import Request
from structlog.contextvars import bind_contextvars

from app.composition.broadcaster import BroadcasterServices
from app.contract.commands import SUBPROTOCOL
from app.contract.errors import AuthRequired
from app.contract.handshake_errors import HandshakeInvalid, OriginNotAllowed, UpgradeRequired
from app.contract.identity import Identity
from app.network.origins import is_own_origin
from broadcaster.handshake.session_lookups import BatchedSessionLookups
from config.origins import ANY_ORIGIN

WEBSOCKET_VERSION = "13"
MAX_LOGGED = 200
"""Characters of a header in the log."""
_NONCE = re.compile(r"[A-Za-z0-9+/]{22}==")
"""16 bytes in base64 (RFC 6455, section 4.2.1)."""


class HandshakeAuthentication:
    """Authenticates the request of a handshake, before anything is upgraded."""

    def __init__(self, services: BroadcasterServices) -> None:
        self._viewer_authentication = services.viewer_authentication
        self._allowed_origins = services.settings.allowed_origins
        self._lookups = BatchedSessionLookups(services.sessions)

    def identify(self, request: Request) -> Identity:
        """The identity of the viewer that opens the WebSocket, without I/O.

        Raises OriginNotAllowed, AuthRequired, AuthInvalid, UpgradeRequired, HandshakeInvalid.
        """
        self._check_origin(request)
        token = _token(request)
        if not token:
            raise AuthRequired
        identity = self._viewer_authentication.identify(token)
        # After the token, so that a plain curl without a token is answered AUTH_REQUIRED.
        _check_upgrade(request)
        return identity

    def verify(self, identity: Identity) -> None:
        """Check that the session or the display token is valid now.

        Raises AuthInvalid, SessionRevoked, UserBanned, RedisUnavailable, DatabaseUnavailable.
        """
        if identity.typ == "display":
            self._viewer_authentication.verify(identity, require_redis=True)
        else:
            self._lookups.verify(identity)

    def _check_origin(self, request: Request) -> None:
        # The check prevents that a page of another site opens a WebSocket in the browser of a
        # logged-in user. Client libraries send the host that they connect to as origin.
        origin, allowed = request.origin, self._allowed_origins
        if origin is None or ANY_ORIGIN in allowed or origin in allowed:
            return
        host = request.headers.get("Host", "")
        if is_own_origin(origin, host):
            return
        # For the operator, in the line of the request in the log.
        bind_contextvars(
            setting="ALLOWED_ORIGINS", origin=origin[:MAX_LOGGED], host=host[:MAX_LOGGED]
        )
        raise OriginNotAllowed


def _check_upgrade(request: Request) -> None:
    headers = request.headers
    upgrades = {word.strip().lower() for word in headers.get("Upgrade", "").split(",")}
    options = {word.strip().lower() for word in headers.get("Connection", "").split(",")}
    if "websocket" not in upgrades or "upgrade" not in options:
        raise UpgradeRequired
    if headers.get("Sec-WebSocket-Version") != WEBSOCKET_VERSION:
        raise UpgradeRequired
    if not _NONCE.fullmatch(headers.get("Sec-WebSocket-Key", "")):
        raise HandshakeInvalid
    if request.method != "GET" or request.environ["SERVER_PROTOCOL"] != "HTTP/1.1":
        raise HandshakeInvalid
    if request.content_length or "Transfer-Encoding" in headers:
        # A body would be read as the first frames, or the first frames as a body.
        raise HandshakeInvalid


def _token(request: Request) -> str:
    """The token from the subprotocols, the Authorization header or the query, else ""."""
    offered = [
        word.strip() for word in request.headers.get("Sec-WebSocket-Protocol", "").split(",")
    ]
    others = [word for word in offered if word and word != SUBPROTOCOL]
    if SUBPROTOCOL in offered and others:
        return others[0]
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return request.args.get("token", "")
