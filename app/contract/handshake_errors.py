"""Errors of the WebSocket handshake; app/http/errors.py maps each of them to a status."""

from __future__ import annotations

from app.contract.errors import DomainError, Overloaded


class OriginNotAllowed(DomainError):
    """A page of this origin may not open a WebSocket."""

    code = "ORIGIN_NOT_ALLOWED"
    error = "Forbidden"

    def __init__(self) -> None:
        super().__init__(
            "This origin may not watch. The operator has to name it in ALLOWED_ORIGINS, and in"
            " CORS_ORIGINS for calls of the API"
        )


class UpgradeRequired(DomainError):
    """A plain HTTP request to the path of the WebSocket (RFC 6455, section 4.2.2)."""

    code = "UPGRADE_REQUIRED"
    error = "Upgrade required"

    def __init__(self) -> None:
        super().__init__("Open a WebSocket of version 13 here")


class HandshakeInvalid(DomainError):
    """The request is not a valid WebSocket handshake (RFC 6455, section 4.1)."""

    code = "VALIDATION_ERROR"
    error = "Validation error"

    def __init__(self) -> None:
        super().__init__("The request is not a WebSocket handshake")


class TooManyHandshakes(Overloaded):
    """More handshakes started or are in progress than this process accepts."""

    code = "TOO_MANY_HANDSHAKES"

    def __init__(self) -> None:
        super().__init__("Too many viewers connect at the same time; try again a little later")


class BroadcasterFull(Overloaded):
    """This process has as many viewers as it may hold."""

    code = "BROADCASTER_FULL"

    def __init__(self) -> None:
        super().__init__("There is no room for another viewer; try another broadcaster")


class TooManyStreams(Overloaded):
    """This address has as many viewers as one address may have in this process."""

    code = "TOO_MANY_STREAMS"

    def __init__(self) -> None:
        super().__init__("Too many viewers from this address; try again a little later")


class ApiNotReached(DomainError):
    """The broadcaster should pass the request to the API, which does not answer (WEB_UPSTREAM)."""

    code = "API_NOT_REACHED"
    error = "Unavailable"

    def __init__(self) -> None:
        super().__init__("The API does not answer; try again in some seconds")
