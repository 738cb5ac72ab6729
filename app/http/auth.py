"""/auth: register, login, refresh, logout, password."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from app.http.authentication import authenticated, current_identity, note_user, public
from app.http.limits import caller_address, limit_login, limit_register
from app.http.schemas import (
    DisplayName,
    NewPassword,
    Password,
    Resource,
    StorableText,
    username_field,
)
from app.http.services import services
from app.services.sessions import TokenPair

# ruff: noqa: N815 - the contract's names are camelCase

auth = Resource("auth", __name__, url_prefix="/auth", description="Accounts and sessions")


class RegisterSchema(Schema):
    username = username_field()
    password = NewPassword(required=True)
    displayName = DisplayName()


class LoginSchema(Schema):
    username = StorableText(required=True)
    password = Password(required=True)


class RefreshSchema(Schema):
    refreshToken = fields.String(required=True)


class PasswordSchema(Schema):
    oldPassword = Password(required=True)
    newPassword = NewPassword(required=True)


class TokensSchema(Schema):
    accessToken = fields.String(required=True)
    refreshToken = fields.String(required=True)
    tokenType = fields.String(required=True)
    expiresIn = fields.Integer(required=True)


class LoggedInSchema(TokensSchema):
    userId = fields.UUID(required=True)


class RegisteredSchema(LoggedInSchema):
    username = fields.String(required=True)
    displayName = fields.String(required=True)


@auth.post("/register")
@public
@limit_register
@auth.refuses(409, 429, 503)
@auth.arguments(RegisterSchema)
@auth.response(201, RegisteredSchema)
def register(body: dict[str, str]) -> dict[str, Any]:
    """Make an account and log it in (flow 1)."""
    display_name = body.get("displayName", body["username"])
    admitted = services().accounts.register(body["username"], body["password"], display_name)
    note_user(admitted.user.id)
    return {
        "userId": admitted.user.id,
        "username": admitted.user.username,
        "displayName": admitted.user.display_name,
        **_tokens(admitted.tokens),
    }


@auth.post("/login")
@public
@limit_login
@auth.refuses(401, 403, 429, 503)
@auth.arguments(LoginSchema)
@auth.response(200, LoggedInSchema)
def login(body: dict[str, str]) -> dict[str, Any]:
    """Log in (flow 2)."""
    admitted = services().accounts.log_in(body["username"], body["password"], caller_address())
    note_user(admitted.user.id)
    return {"userId": admitted.user.id, **_tokens(admitted.tokens)}


@auth.post("/refresh")
@public
@auth.refuses(401, 403, 503)
@auth.arguments(RefreshSchema)
@auth.response(200, TokensSchema)
def refresh(body: dict[str, str]) -> dict[str, Any]:
    """Exchange a refresh token for a new pair; used twice it ends the session."""
    identity = services().verifier.verify(body["refreshToken"], "refresh")
    note_user(identity.user_id)
    return _tokens(services().sessions.refresh(identity))


@auth.post("/logout")
@authenticated
@auth.response(204)
def logout() -> None:
    """End this session."""
    services().sessions.end(current_identity())


@auth.post("/password")
@authenticated
@auth.refuses(429, 503)
@auth.arguments(PasswordSchema)
@auth.response(204)
def change_password(body: dict[str, str]) -> None:
    """Change the password and end every other session."""
    services().accounts.change_password(
        current_identity(), body["oldPassword"], body["newPassword"], caller_address()
    )


def _tokens(pair: TokenPair) -> dict[str, Any]:
    return {
        "accessToken": pair.access_token,
        "refreshToken": pair.refresh_token,
        "tokenType": "Bearer",
        "expiresIn": pair.expires_in,
    }
