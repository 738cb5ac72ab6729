"""The table from error to status."""

from __future__ import annotations

from app.contract.alerts import AlertKind
from app.contract.errors import DomainError, Overloaded
from app.http.errors import STATUS


def catalogue(base: type[DomainError] = DomainError) -> set[type[DomainError]]:
    """All errors that derive from `base` and have a code."""
    found = {error for error in base.__subclasses__() if hasattr(error, "code")}
    return found.union(*(catalogue(error) for error in base.__subclasses__()))


def test_every_error_of_the_catalogue_has_a_status() -> None:
    assert set(STATUS) == catalogue()


def test_errors_with_the_same_code_have_the_same_status_and_name() -> None:
    replies = {(error.code, STATUS[error], error.error) for error in STATUS}
    assert len(replies) == len({error.code for error in STATUS})


def test_every_intended_refusal_is_a_503_without_an_alert() -> None:
    intended = catalogue(Overloaded)
    assert {STATUS[error] for error in intended} == {503}
    assert not {error.code for error in intended} & AlertKind.__members__.keys()
