"""Checks the acts that a service reports, each on its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.accounts import rules
from app.boards.board import KEY
from app.contract.details import USER_ID
from app.contract.errors import ValidationFailed

MAX_LABEL_LENGTH = 100
MAX_INTEGER = 2**31 - 1
FIELDS = frozenset({"id", USER_ID, "username", "board", "points", "label"})
UUID_VERSION = 7

Problems = dict[str, list[str]]


@dataclass(frozen=True)
class ReportedAct:
    """A well-formed act; its player and board may not exist."""

    id: str
    """A UUIDv7 in its usual form."""
    issued_at: int
    """ms since 1970, from the id."""
    user_id: str | None
    """None if the player is named by `username_key`."""
    username_key: str | None
    board: str
    points: int
    label: str | None


def read_act(fields: Any) -> ReportedAct | Problems:
    """The act, or what is wrong with it by field."""
    if not isinstance(fields, dict):
        return {"act": ["Not an object."]}
    problems = {name: [message] for name, message in _problems(fields)}
    if problems:
        return problems
    act_id = uuid.UUID(fields["id"])
    user_id, username = fields.get(USER_ID), fields.get("username")
    return ReportedAct(
        id=str(act_id),
        issued_at=act_id.int >> 80,
        user_id=str(uuid.UUID(user_id)) if user_id is not None else None,
        username_key=rules.username_key(username) if username is not None else None,
        board=fields["board"],
        points=fields["points"],
        label=fields.get("label"),
    )


def _problems(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in fields.keys() - FIELDS:
        yield name, "Unknown field."
    act_id = _uuid(fields.get("id"))
    if act_id is None or act_id.version != UUID_VERSION:
        yield "id", "A UUIDv7 made by the caller."
    user_id, username = fields.get(USER_ID), fields.get("username")
    if (user_id is None) == (username is None):
        yield USER_ID, f"Send either {USER_ID} or username."
    elif user_id is not None and _uuid(user_id) is None:
        yield USER_ID, "Not a UUID."
    elif username is not None and not _is_username(username):
        yield "username", rules.USERNAME_RULE
    board = fields.get("board")
    if not isinstance(board, str) or not KEY.match(board):
        yield "board", "The key of a board."
    points = fields.get("points")
    # bool is a subclass of int.
    if type(points) is not int or abs(points) > MAX_INTEGER:
        yield "points", "A whole number."
    label = fields.get("label")
    if label is not None and not _is_label(label):
        yield "label", f"At most {MAX_LABEL_LENGTH} printable characters."


def _uuid(text: Any) -> uuid.UUID | None:
    if not isinstance(text, str):
        return None
    try:
        found = uuid.UUID(text)
    except ValueError:
        return None
    # UUID() also reads braces, `urn:uuid:` and hyphens in other places.
    return found if str(found) == text.lower() else None


def _is_username(text: Any) -> bool:
    if not isinstance(text, str):
        return False
    try:
        rules.username(text)
    except ValidationFailed:
        return False
    return True


def _is_label(text: Any) -> bool:
    return isinstance(text, str) and len(text) <= MAX_LABEL_LENGTH and text.isprintable()
