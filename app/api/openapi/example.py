"""An example request of an operation, which /docs shows and a test sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Example:
    """A request and its reply; the reply is None if it has no body of JSON."""

    reply: Mapping[str, Any] | None
    body: Mapping[str, Any] | None = None
    query: Mapping[str, Any] = field(default_factory=dict)
