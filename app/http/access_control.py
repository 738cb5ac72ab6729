"""Access control: each view declares the callers that it accepts (tests/test_structure.py)."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import wraps
from typing import Any, Literal

from flask import Request, current_app, g, request
from werkzeug.exceptions import HTTPException

from app.accounts.service_keys.service_keys import ServiceKey
from app.contract.errors import (
    AuthInvalid,
    AuthRequired,
    DomainError,
    Forbidden,
    SessionRevoked,
    UnsupportedMediaType,
    UserBanned,
)
from app.contract.identity import Identity
from app.http.rate_limits import guesses_limited, limit_service_key
from app.http.request_log import add_service_key_to_log, add_user_to_log
from app.http.services import services
from app.network.client_address import is_from_this_machine
from config.server_settings import ServerSettings

View = Callable[..., Any]
AuthMode = Literal["public", "session", "admission", "admin", "service"]
AUTH_MODE = "auth_mode"


def public(view: View) -> View:
    """Declare that the view needs no credentials."""
    return _declare(view, "public")


def session_required(view: View) -> View:
    """Require an access token of an active session; current_identity() is its user.

    Raises AuthRequired, AuthInvalid, SessionRevoked, UserBanned.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        services().sessions.verify(_authenticate())
        return view(*args, **kwargs)

    return _declare(guarded, "session")


def access_token_required(view: View) -> View:
    """Require a valid access token, without a check of its session.

    For views whose service checks the session in admit.lua: another check would cost a round
    trip and would not be atomic with the admission. Raises AuthRequired and AuthInvalid.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        identity = _authenticate()
        try:
            return view(*args, **kwargs)
        except (HTTPException, UnsupportedMediaType):
            # The request is malformed, so the service did not check the session. A ban takes
            # precedence over the refusal.
            services().sessions.verify(identity)
            raise

    return _declare(guarded, "admission")


def admin_required(view: View) -> View:
    """Require an access token of a user with the admin role; current_identity() is the user.

    Without ADMIN_API only this machine may call, so that a stolen token of an admin is useless
    elsewhere. The role is read from PostgreSQL on each call, so a revoked role ends at once.
    Raises Forbidden and what session_required raises.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        settings = services().settings
        if not settings.admin_api and not is_from_this_machine(request, settings):
            raise Forbidden("The admin API is not available from this address")
        identity = _authenticate()
        services().sessions.verify(identity)
        user = services().accounts.find(identity.user_id)
        if user.account.banned:
            raise UserBanned(user.account.ban)
        if user.role != "admin":
            raise Forbidden()
        return view(*args, **kwargs)

    return _declare(guarded, "admin")


def service_key_required(view: View) -> View:
    """Require a valid service key within its rate limit; current_service_key() is the key.

    The key is read from PostgreSQL on each call, so a revocation holds from the next request on.
    The view decides whether the key may score on a board. Raises AuthRequired, ServiceKeyInvalid
    and RateLimited.
    """
    limited = limit_service_key(view)

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        text = _bearer_token(request)
        if text is None:
            raise AuthRequired("a service key")
        with guesses_limited():
            g.service_key = services().service_keys.authenticate(text)
        add_service_key_to_log(g.service_key.id)
        return limited(*args, **kwargs)

    return _declare(guarded, "service")


def check_metrics_access(request: Request, settings: ServerSettings) -> None:
    """Require that the request comes from this machine or has METRICS_TOKEN.

    Raises Forbidden, AuthRequired and AuthInvalid.
    """
    if is_from_this_machine(request, settings):
        return
    token = settings.metrics_token
    if not token:
        raise Forbidden("/metrics is not available from this address: METRICS_TOKEN is not set")
    sent = _bearer_token(request)
    if sent is None:
        raise AuthRequired()
    if not hmac.compare_digest(sent.encode(), token.encode()):
        raise AuthInvalid()


def current_identity() -> Identity:
    """The identity of the caller, in a view that is not public."""
    identity: Identity = g.identity
    return identity


def caller_is_flagged(error: DomainError) -> bool:
    """Whether a flagged player called the view that raised the error; reads Redis or PostgreSQL.

    Only callers of scoring views are looked up. Returns False for errors that already tell more
    than the warning, such as a ban, and for a request without a valid access token.
    """
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, AUTH_MODE, None) != "admission":
        return False
    if isinstance(error, (AuthRequired, AuthInvalid, SessionRevoked, UserBanned)):
        return False
    try:
        identity = g.get("identity") or _authenticate()
    except (AuthRequired, AuthInvalid):
        return False
    return services().sessions.is_flagged(identity)


def current_service_key() -> ServiceKey:
    """The key of the caller, in a view that requires a service key."""
    key: ServiceKey = g.service_key
    return key


def _authenticate() -> Identity:
    """Verify the access token of the request; raises AuthRequired and AuthInvalid."""
    token = _bearer_token(request)
    if token is None:
        raise AuthRequired()
    if not token:
        raise AuthInvalid("Send it as: Authorization: Bearer <token>")
    identity = services().verifier.verify(token, "access")
    add_user_to_log(identity.user_id)
    g.identity = identity
    return identity


def _bearer_token(request: Request) -> str | None:
    """The token of the Authorization header: None without a header, empty if not a bearer token."""
    header = request.headers.get("Authorization")
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _declare(view: View, mode: AuthMode) -> View:
    setattr(view, AUTH_MODE, mode)
    return view
