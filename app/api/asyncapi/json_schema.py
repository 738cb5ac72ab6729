"""The JSON schema of values that are given as samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_TYPES = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def schema_of(samples: Sequence[Any]) -> dict[str, Any]:
    """A schema that all samples fulfil: a field is required if each sample has it.

    A value that is None in one sample and another type in the next may be both.
    """
    types = list(dict.fromkeys(_TYPES[type(sample)] for sample in samples))
    schema: dict[str, Any] = {"type": types[0] if len(types) == 1 else types}
    objects = [sample for sample in samples if isinstance(sample, dict)]
    if objects:
        names = dict.fromkeys(name for each in objects for name in each)
        schema["properties"] = {
            name: schema_of([each[name] for each in objects if name in each]) for name in names
        }
        schema["required"] = [name for name in names if all(name in each for each in objects)]
    items = [item for sample in samples if isinstance(sample, list) for item in sample]
    if items:
        schema["items"] = schema_of(items)
    return schema
