"""/auth: register, login, refresh, logout, password."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from app.accounts.sessions import TokenPair
from app.contract.errors import (
    AuthInvalid,
    DatabaseUnavailable,
    InvalidCredentials,
    RateLimited,
    RedisUnavailable,
    ServerBusy,
    SessionRevoked,
    UserBanned,
    UsernameTaken,
)
from app.http.access_control import current_identity, public, session_required
from app.http.rate_limits import limit_login, limit_register
from app.http.request_log import add_user_to_log
from app.http.request_pool import served_by
from app.http.schemas import (
    DisplayName,
    NewPassword,
    Password,
    Resource,
    StorableText,
    Username,
)
from app.http.services import services
from app.network.client_address import client_address

# ruff: noqa: N815 - the contract's names are camelCase

auth = Resource("auth", __name__, url_prefix="/auth", description="Accounts and sessions")


class RegisterSchema(Schema):
    username = Username(required=True)
    password = NewPassword(
        required=True, metadata={"description": "At least 8 characters, at most 72 bytes in UTF-8"}
    )
    displayName = DisplayName(
        metadata={
            "description": "1 to 100 characters of any script, one of them visible; no hidden"
            " characters, no letters of two alphabets in one word, and no name that the server"
            " reserves; default: the username"
        }
    )


class LoginSchema(Schema):
    username = StorableText(
        required=True, metadata={"description": "The name of the account, in any letter case"}
    )
    password = Password(required=True, metadata={"description": "The password of the account"})


class RefreshSchema(Schema):
    refreshToken = fields.String(
        required=True, metadata={"description": "The newest refresh token of the session"}
    )


class PasswordSchema(Schema):
    oldPassword = Password(required=True, metadata={"description": "The present password"})
    newPassword = NewPassword(
        required=True, metadata={"description": "At least 8 characters, at most 72 bytes in UTF-8"}
    )


class TokensSchema(Schema):
    accessToken = fields.String(
        required=True,
        metadata={"description": "For `Authorization: Bearer …`; treat it as opaque"},
    )
    refreshToken = fields.String(
        required=True,
        metadata={"description": "Exchange it for a new pair before the access token expires"},
    )
    tokenType = fields.String(required=True, metadata={"description": "Always `Bearer`"})
    expiresIn = fields.Integer(
        required=True, metadata={"description": "Seconds until the access token expires"}
    )


class LoggedInSchema(TokensSchema):
    userId = fields.UUID(required=True, metadata={"description": "The account"})


class RegisteredSchema(LoggedInSchema):
    username = fields.String(required=True, metadata={"description": "The name as registered"})
    displayName = fields.String(
        required=True, metadata={"description": "The name that boards show"}
    )


@auth.post("/register")
@served_by("passwords")
@public
@limit_register
@auth.document_errors(UsernameTaken, RateLimited, DatabaseUnavailable, RedisUnavailable, ServerBusy)
@auth.arguments(RegisterSchema)
@auth.response(201, RegisteredSchema)
def register(body: dict[str, str]) -> dict[str, Any]:
    """Create an account and log in to it.

    ---
    Flow 1.
    """
    display_name = body.get("displayName", body["username"])
    login = services().accounts.register(
        body["username"], body["password"], display_name, client_address()
    )
    add_user_to_log(login.user.id)
    return {
        "userId": login.user.id,
        "username": login.user.username,
        "displayName": login.user.display_name,
        **_tokens(login.tokens),
    }


@auth.post("/login")
@served_by("passwords")
@public
@limit_login
@auth.document_errors(
    InvalidCredentials, UserBanned, RateLimited, DatabaseUnavailable, RedisUnavailable, ServerBusy
)
@auth.arguments(LoginSchema)
@auth.response(200, LoggedInSchema)
def log_in(body: dict[str, str]) -> dict[str, Any]:
    """Log in.

    ---
    Flow 2.
    """
    login = services().accounts.log_in(body["username"], body["password"], client_address())
    add_user_to_log(login.user.id)
    return {"userId": login.user.id, **_tokens(login.tokens)}


@auth.post("/refresh")
@public
@auth.document_errors(
    AuthInvalid, SessionRevoked, UserBanned, DatabaseUnavailable, RedisUnavailable
)
@auth.arguments(RefreshSchema)
@auth.response(200, TokensSchema)
def refresh(body: dict[str, str]) -> dict[str, Any]:
    """Exchange a refresh token for a new pair of tokens.

    A second use within 30 s gets the same refresh token again; a later one ends the session.
    """
    identity = services().verifier.verify(body["refreshToken"], "refresh")
    add_user_to_log(identity.user_id)
    return _tokens(services().sessions.refresh(identity))


@auth.post("/logout")
@session_required
@auth.response(204)
def logout() -> None:
    """End this session."""
    services().sessions.end(current_identity())


@auth.post("/password")
@served_by("passwords")
@session_required
@auth.document_errors(InvalidCredentials, RateLimited, RedisUnavailable, ServerBusy)
@auth.arguments(PasswordSchema)
@auth.response(200, TokensSchema)
def change_password(body: dict[str, str]) -> dict[str, Any]:
    """Change the password, end every session of the user and return tokens of a new one."""
    pair = services().accounts.change_password(
        current_identity(), body["oldPassword"], body["newPassword"], client_address()
    )
    return _tokens(pair)


def _tokens(pair: TokenPair) -> dict[str, Any]:
    return {
        "accessToken": pair.access_token,
        "refreshToken": pair.refresh_token,
        "tokenType": "Bearer",
        "expiresIn": pair.expires_in,
    }
