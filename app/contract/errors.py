"""The catalogue of errors that a client can see, without HTTP: a stable code and a message each.

app/http/errors.py maps each to a status; handshake_errors.py has those of the WebSocket handshake.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from app.contract.limits import MAX_BODY_BYTES, Ban, RateLimitStatus
from app.contract.standings import Outcome


class DomainError(Exception):
    """A refusal with a stable code and a message, which has no full stop, for the client."""

    code: ClassVar[str]
    error: ClassVar[str]
    default_message: ClassVar[str] = ""
    """Used if the error is raised without a message."""
    flagged: bool | None = None
    """Whether the reply carries the fraud warning; None: not known when it was raised."""

    def __init__(self, message: str = "", details: Mapping[str, Any] | None = None) -> None:
        self.message = message or self.default_message
        super().__init__(self.message)
        self.details = details

    def as_json(self, request_id: str) -> dict[str, Any]:
        """The JSON body of an error reply."""
        body = {
            "error": self.error,
            "code": self.code,
            "message": self.message,
            "requestId": request_id,
        }
        return body if self.details is None else {**body, "details": self.details}

    @classmethod
    def meaning(cls) -> str:
        """What the code means, for documents: the first line of the docstring."""
        return (cls.__doc__ or "").partition("\n")[0]


class ValidationFailed(DomainError):
    """The request is not valid; `details` has a message for each wrong field."""

    code = "VALIDATION_ERROR"
    error = "Validation error"


class TokenInvalid(DomainError):
    """A malformed, forged or unknown action token, or one of another user: one reply for all."""

    code = "TOKEN_INVALID"
    error = "Invalid token"
    default_message = "Token not found"


class TokenExpired(DomainError):
    """An action token that expired before it was counted. Final."""

    code = "TOKEN_EXPIRED"
    error = "Expired token"
    default_message = "Token expired before it was used"


class TokenUsed(DomainError):
    """An action token that was counted before; `details` has the first result. Final."""

    code = "TOKEN_USED"
    error = "Used token"

    def __init__(self, first: Outcome) -> None:
        super().__init__("Token was used before; details hold its result", first.as_json())


class AuthRequired(DomainError):
    """The request has no credentials but needs them."""

    code = "AUTH_REQUIRED"
    error = "Unauthorized"

    def __init__(self, credentials: str = "an access token") -> None:
        super().__init__(f"Send {credentials}: Authorization: Bearer <token>")


class AuthInvalid(DomainError):
    """Malformed, forged or expired credentials, or credentials of the wrong kind."""

    code = "AUTH_INVALID"
    error = "Unauthorized"
    default_message = "The token is not valid"


class ServiceKeyInvalid(DomainError):
    """A malformed, unknown, expired or revoked service key: one reply for all."""

    code = "SERVICE_KEY_INVALID"
    error = "Unauthorized"

    def __init__(self, *, guessed: bool) -> None:
        """`guessed`: the key has the right form and an unknown id or a wrong secret."""
        super().__init__("The service key is not valid")
        self.guessed = guessed


class InvalidCredentials(DomainError):
    """Unknown user or wrong password: one reply for both."""

    code = "INVALID_CREDENTIALS"
    error = "Unauthorized"
    default_message = "Username or password is wrong"


class SessionRevoked(DomainError):
    """The session has ended: logout, new password, or a refresh token used after its grace."""

    code = "SESSION_REVOKED"
    error = "Unauthorized"
    default_message = "This session has ended; log in again"


class UserBanned(DomainError):
    """The account is banned; `details` has `bannedAt`, `until` (null: no end) and `reason`."""

    code = "USER_BANNED"
    error = "Forbidden"

    def __init__(self, ban: Ban | None = None) -> None:
        super().__init__("This account is banned", ban.as_json() if ban else None)
        self.ban = ban


class Forbidden(DomainError):
    """The caller has no right to do this."""

    code = "FORBIDDEN"
    error = "Forbidden"
    default_message = "This needs the admin role"


class NotFound(DomainError):
    """The path, or the object that it names, does not exist."""

    code = "NOT_FOUND"
    error = "Not found"


class MethodNotAllowed(DomainError):
    """The path has no such method."""

    code = "METHOD_NOT_ALLOWED"
    error = "Method not allowed"
    default_message = "This path has no such method"


class BoardNotOpen(DomainError):
    """The board takes no points now; `details` has its times, such as `closesAt`."""

    code = "BOARD_NOT_OPEN"
    error = "Conflict"
    default_message = "This board takes no points now"


class BoardNotFinished(DomainError):
    """The board is not closed, not final, or acts are still hidden; the message says which."""

    code = "BOARD_NOT_FINISHED"
    error = "Conflict"


class UsernameTaken(DomainError):
    """The username exists, perhaps in other letter case."""

    code = "USERNAME_TAKEN"
    error = "Conflict"
    default_message = "This username is taken"


class PayloadTooLarge(DomainError):
    """The body is larger than the limit."""

    code = "PAYLOAD_TOO_LARGE"
    error = "Payload too large"

    def __init__(self, max_bytes: int = MAX_BODY_BYTES) -> None:
        super().__init__(f"A body may have {max_bytes // 1024} KiB")


class UnsupportedMediaType(DomainError):
    """The body is compressed, or not declared as JSON."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    error = "Unsupported media type"
    default_message = "Send application/json"


class RateLimited(DomainError):
    """More requests than the limit allows; the request spent no token."""

    code = "RATE_LIMITED"
    error = "Too many requests"

    def __init__(self, rate_limit: RateLimitStatus, *, flagged: bool = False) -> None:
        super().__init__(f"Limit reached; try again in {rate_limit.retry_after} s")
        self.rate_limit = rate_limit
        self.flagged = flagged


class RedisUnavailable(DomainError):
    """Redis can't be reached, and the request needs it."""

    code = "REDIS_UNAVAILABLE"
    error = "Service unavailable"
    default_message = "Try again shortly"


class DatabaseUnavailable(DomainError):
    """PostgreSQL failed or can't be reached."""

    code = "DB_ERROR"
    error = "Database error"
    default_message = "The database could not answer; no point was lost"


class Overloaded(DomainError):
    """Base of the intended refusals at a limit: the client may repeat the unchanged request."""

    error = "Busy"


class ServerBusy(Overloaded):
    """More requests of this kind are waiting than this process serves in time."""

    code = "SERVER_BUSY"
    default_message = "The server has too much to do; try again a little later"


class DatabaseBusy(ServerBusy, DatabaseUnavailable):
    """All connections of the process to PostgreSQL are in use, and PostgreSQL works."""


class InternalError(DomainError):
    """The request failed because of a fault in the server."""

    code = "INTERNAL_ERROR"
    error = "Internal error"
    default_message = "Something went wrong; it has been logged"
