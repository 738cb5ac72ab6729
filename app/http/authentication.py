"""Who calls: every view declares one of these, and a test sees to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal

from flask import g, request
from structlog.contextvars import bind_contextvars
from werkzeug.exceptions import HTTPException

from app.callers import is_from_this_machine
from app.contract.errors import AuthInvalid, AuthRequired, Forbidden, UserBanned
from app.contract.identity import Identity
from app.http.services import services

View = Callable[..., Any]
AuthMode = Literal["public", "session", "admission", "admin"]
AUTH_MODE = "auth_mode"


def public(view: View) -> View:
    """Declare that the view is open to everybody."""
    return _declare(view, "public")


def authenticated(view: View) -> View:
    """Let only a user with a standing session in; current_identity() says who.

    Raises AuthRequired, AuthInvalid, SessionRevoked, UserBanned.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        services().sessions.verify(_identify())
        return view(*args, **kwargs)

    return _declare(guarded, "session")


def admitted(view: View) -> View:
    """Let only the bearer of a valid access token in, whose session the admission script checks.

    For views whose service admits the act in Redis, where a second check would be a round trip
    more and not atomic with the act. Raises AuthRequired and AuthInvalid.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        identity = _identify()
        try:
            return view(*args, **kwargs)
        except HTTPException:
            # A body that can't be read is no attempt, but the banned hear of the ban all the same.
            services().sessions.verify(identity)
            raise

    return _declare(guarded, "admission")


def administrator(view: View) -> View:
    """Let only a user with the admin role in; current_identity() says who.

    From elsewhere than this machine only with ADMIN_API: a stolen token of an admin's is
    then of no use. PostgreSQL is asked on each call, so that a role taken away is gone at once.
    Raises as authenticated does, and Forbidden.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not services().settings.admin_api and not is_from_this_machine(request):
            raise Forbidden("The admin API is closed from here")
        identity = _identify()
        services().sessions.verify(identity)
        user = services().accounts.find(identity.user_id)
        if user.account.banned:
            raise UserBanned()
        if user.role != "admin":
            raise Forbidden()
        return view(*args, **kwargs)

    return _declare(guarded, "admin")


def current_identity() -> Identity:
    """Who calls, in a view that is not public."""
    identity: Identity = g.identity
    return identity


def note_user(user_id: str) -> None:
    """Have the log lines of this request say whose it is."""
    bind_contextvars(user=user_id)


def _identify() -> Identity:
    header = request.headers.get("Authorization")
    if not header:
        raise AuthRequired()
    scheme, _, rest = header.partition(" ")
    token = rest.strip()
    if scheme.lower() != "bearer" or not token:
        raise AuthInvalid("Send it as: Authorization: Bearer <token>")
    identity = services().verifier.verify(token, "access")
    note_user(identity.user_id)
    g.identity = identity
    return identity


def _declare(view: View, mode: AuthMode) -> View:
    setattr(view, AUTH_MODE, mode)
    return view
