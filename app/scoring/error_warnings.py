"""The fraud warning in the refusals and failures of a flagged player's attempts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.contract.errors import AuthInvalid, DomainError, UserBanned


@contextmanager
def error_warnings(*, flagged: bool) -> Iterator[None]:
    """Let the errors that are raised in the block say whether the player is flagged.

    UserBanned and AuthInvalid carry none: the account is banned or deleted by now.
    """
    try:
        yield
    except (UserBanned, AuthInvalid):
        raise
    except DomainError as error:
        raise _with_status(error, flagged)  # noqa: B904 - it has the cause of the error


def _with_status(error: DomainError, flagged: bool) -> DomainError:
    # A copy, because a batch raises one error in the requests of several players.
    copy = type(error).__new__(type(error), *error.args)
    copy.__dict__ |= error.__dict__
    copy.flagged = flagged
    copy.__cause__ = error.__cause__
    return copy.with_traceback(error.__traceback__)
