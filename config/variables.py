"""A variable of the environment: its name, its default, how it is read and what it is for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Variable:
    """How one field of Settings is read and explained; README's settings table is made of these."""

    name: str
    explanation: str
    default: str | None = None
    secret: bool = False
    parse: Callable[[str], Any] = str


def variable(
    name: str,
    explanation: str,
    default: str | None = None,
    parse: Callable[[str], Any] = str,
    *,
    secret: bool = False,
) -> Any:
    """A field of Settings that is read from that variable; without a default it has to be set."""
    declared = Variable(name, explanation, default, secret, parse)
    return field(metadata={"variable": declared}, repr=not secret)


def complaint(error: ValueError, variable: Variable) -> str:
    """What is wrong with the variable, without a word of a secret."""
    if variable.secret:
        # A parser's own words may quote the value.
        words = str(error) if str(error).startswith("must ") else "can't be read"
        return f"{words}: {variable.explanation}"
    return f"{error}: {variable.explanation}"
