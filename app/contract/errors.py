"""Domain errors: what can be refused and why. They know no HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple


class DomainError(Exception):
    """A refusal that the caller may be told of: a stable code and a sentence."""

    code: ClassVar[str]
    error: ClassVar[str]

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class ValidationFailed(DomainError):
    """The request's fields don't fit; `details` says which."""

    code = "VALIDATION_ERROR"
    error = "Validation error"


class TokenInvalid(DomainError):
    """Malformed, forged, somebody else's or unknown: the answer is the same for all."""

    code = "TOKEN_INVALID"
    error = "Invalid token"

    def __init__(self) -> None:
        super().__init__("Token not found")


class TokenExpired(DomainError):
    """An action token older than its life, and never counted: final."""

    code = "TOKEN_EXPIRED"
    error = "Expired token"

    def __init__(self) -> None:
        super().__init__("Token expired before it was used")


class TokenUsed(DomainError):
    """An action token that was counted before; `details` holds that first result: final."""

    code = "TOKEN_USED"
    error = "Used token"

    def __init__(self, details: Mapping[str, Any]) -> None:
        super().__init__("Token was used before; details hold its result", details)


class AuthRequired(DomainError):
    """No credentials came with a request that needs them."""

    code = "AUTH_REQUIRED"
    error = "Unauthorized"

    def __init__(self) -> None:
        super().__init__("Send an access token: Authorization: Bearer <token>")


class AuthInvalid(DomainError):
    """Credentials that are malformed, forged, expired or of the wrong kind."""

    code = "AUTH_INVALID"
    error = "Unauthorized"

    def __init__(self, message: str = "The token is not valid") -> None:
        super().__init__(message)


class InvalidCredentials(DomainError):
    """Unknown user or wrong password: the answer is the same for both."""

    code = "INVALID_CREDENTIALS"
    error = "Unauthorized"

    def __init__(self) -> None:
        super().__init__("Username or password is wrong")


class SessionRevoked(DomainError):
    """The session has ended: logout, password change, or a refresh token used twice."""

    code = "SESSION_REVOKED"
    error = "Unauthorized"

    def __init__(self) -> None:
        super().__init__("This session has ended; log in again")


class UserBanned(DomainError):
    """The account may do nothing until the ban ends."""

    code = "USER_BANNED"
    error = "Forbidden"

    def __init__(self) -> None:
        super().__init__("This account is banned")


class Forbidden(DomainError):
    """The caller may not do this, whoever they are."""

    code = "FORBIDDEN"
    error = "Forbidden"

    def __init__(self, message: str = "This needs the admin role") -> None:
        super().__init__(message)


class NotFound(DomainError):
    """There is no such thing."""

    code = "NOT_FOUND"
    error = "Not found"


class UsernameTaken(DomainError):
    """Somebody has that name, perhaps in other letter case."""

    code = "USERNAME_TAKEN"
    error = "Conflict"

    def __init__(self) -> None:
        super().__init__("This username is taken")


class Allowance(NamedTuple):
    """What is left of a limit: amount, remaining, and when the oldest charge falls out."""

    limit: int
    remaining: int
    reset_at: int
    """Unix time in seconds."""
    retry_after: int
    """Seconds until one more is allowed; 0 when it is allowed now."""


class RateLimited(DomainError):
    """More than the limit allows; nothing was spent."""

    code = "RATE_LIMITED"
    error = "Too many requests"

    def __init__(self, allowance: Allowance, *, flagged: bool = False) -> None:
        super().__init__(f"Limit reached; try again in {allowance.retry_after} s")
        self.allowance = allowance
        self.flagged = flagged


class RedisUnavailable(DomainError):
    """Redis can't be reached and the request can't do without it."""

    code = "REDIS_UNAVAILABLE"
    error = "Service unavailable"

    def __init__(self) -> None:
        super().__init__("Try again shortly")


class DatabaseUnavailable(DomainError):
    """PostgreSQL failed or can't be reached."""

    code = "DB_ERROR"
    error = "Database error"

    def __init__(self) -> None:
        super().__init__("The database could not answer; nothing was lost that was acknowledged")
