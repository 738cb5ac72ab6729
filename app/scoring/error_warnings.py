"""The fraud warning in the refusals and failures of a flagged player's attempts."""

from __future__ import annotations

from types import TracebackType

from app.contract.errors import AuthInvalid, DomainError, UserBanned


class ErrorWarnings:
    """A context in which raised errors say whether the player is flagged.

    UserBanned and AuthInvalid carry no warning: the account is banned or deleted by now.
    """

    # A class, because a generator with `contextmanager` takes longer, and each increment needs two.

    def __init__(self, *, flagged: bool) -> None:
        self._flagged = flagged

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, DomainError) and not isinstance(error, (UserBanned, AuthInvalid)):
            raise _with_status(error, self._flagged)


def _with_status(error: DomainError, flagged: bool) -> DomainError:
    # A copy, because a batch raises one error in the requests of several players.
    copy = type(error).__new__(type(error), *error.args)
    copy.__dict__ |= error.__dict__
    copy.flagged = flagged
    copy.__cause__ = error.__cause__
    return copy.with_traceback(error.__traceback__)
