"""Declares variables of the environment as fields of the settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Variable:
    """Name, purpose, default and parser of a setting. The settings table is made of these."""

    name: str
    explanation: str
    default: str | None = None
    secret: bool = False
    parse: Callable[[str], Any] = str
    event_default: str | None = None
    """The default with EVENT_MODE, if it is a different one."""


def variable(
    name: str,
    explanation: str,
    default: str | None = None,
    parse: Callable[[str], Any] = str,
    *,
    secret: bool = False,
    event_default: str | None = None,
) -> Any:
    """A field that is read from the variable, which is required if it has no default."""
    declared = Variable(name, explanation, default, secret, parse, event_default)
    return field(metadata={"variable": declared}, repr=not secret)


def problem(error: ValueError, variable: Variable) -> str:
    """The message about a wrong variable, which quotes no secret."""
    if variable.secret:
        # Messages of our parsers start so; others may quote the value.
        message = str(error) if str(error).startswith("must ") else "can't be read"
        return f"{message}: {variable.explanation}"
    example = f", for example {variable.default}" if variable.default else ""
    return f"{error}{example}: {variable.explanation}"
