"""The errors that calls and watches raise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .models import Act, Result

_SERVER_ERROR = 500


class RequestFailed(Exception):
    """The request did not succeed."""

    uncertain = False
    """Whether the server may have carried it out."""
    retry_after_seconds = 0.0
    """The server's answer to when the same request may succeed."""


class NoReply(RequestFailed):
    """No reply came, or the reply was not the API's JSON."""

    uncertain = True


class ApiError(RequestFailed):
    """The server replied with an error; decide by `code`."""

    def __init__(self, status: int, body: dict[str, Any], retry_after_seconds: float) -> None:
        super().__init__(str(body.get("message") or f"status {status}"))
        self.status = status
        self.code = str(body.get("code", ""))
        self.details: dict[str, Any] = body.get("details") or {}
        self.warning: dict[str, Any] | None = body.get("warning")
        """Set if the player's requests look automated."""
        self.request_id = str(body.get("requestId", ""))
        self.retry_after_seconds = retry_after_seconds
        self.uncertain = status >= _SERVER_ERROR


class SessionEnded(Exception):
    """There is no login, or it has ended: log in again."""


class WatchEnded(Exception):
    """The server does not let this client watch; it must not reconnect on its own."""


class ScoresUnanswered(Exception):
    """A call failed, so that not all acts have an answer.

    `results` are the answers so far; `unanswered` are the other acts. Send these again within a
    day: acts with the same ids count once. `cause` is the ApiError with which the server refused
    the call, or the error of the last retry.
    """

    def __init__(
        self, results: Sequence[Result], unanswered: Sequence[Act], cause: RequestFailed
    ) -> None:
        super().__init__(f"{len(unanswered)} acts were not answered: {cause}")
        self.results = list(results)
        self.unanswered = list(unanswered)
        self.cause = cause
