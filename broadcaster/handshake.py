"""Who may open a WebSocket: the upgrade, the origin, the token, the session (flow 5)."""

from __future__ import annotations

import re

from flask import Request

from app.composition import Services
from app.contract.errors import AuthRequired
from app.contract.identity import Identity
from app.contract.messages import SUBPROTOCOL
from broadcaster.refusals import HandshakeInvalid, OriginNotAllowed, UpgradeRequired
from broadcaster.session_checks import SessionChecks
from config.origins import ANY_ORIGIN

WEBSOCKET_VERSION = "13"
_NONCE = re.compile(r"[A-Za-z0-9+/]{22}==")
"""16 bytes in base64 (RFC 6455, section 4.2.1)."""


class Gate:
    """Lets a request in or says why not, before anything is upgraded."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._checks = SessionChecks(services.sessions)

    def admit(self, request: Request) -> Identity:
        """Who opens the WebSocket.

        Raises OriginNotAllowed, AuthRequired, AuthInvalid, UpgradeRequired, HandshakeInvalid,
        SessionRevoked, UserBanned, RedisUnavailable, DatabaseUnavailable.
        """
        self._check_origin(request)
        token = _token(request)
        if not token:
            raise AuthRequired
        identity = self._services.watching.identify(token)
        # After the token, so that a plain curl without one hears what it lacks first.
        _check_upgrade(request)
        if identity.typ == "display":
            self._services.watching.verify(identity, require_redis=True)
        else:
            self._checks.verify(identity)
        return identity

    def _check_origin(self, request: Request) -> None:
        # Only browsers send one, and only they act for somebody who doesn't know of it.
        origin, allowed = request.origin, self._services.settings.allowed_origins
        if origin is not None and ANY_ORIGIN not in allowed and origin not in allowed:
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
    """The token: from the subprotocols, the Authorization header or the query."""
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
