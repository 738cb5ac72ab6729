"""The stored form of a step of a reveal: without names, which players and moderators may change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from app.contract.viewers.contests import RevealedStep


def dump(step: RevealedStep) -> str:
    """The JSON of a step; names that it had would remain after a rename or a deletion."""
    stored = step.as_json()
    for player in _players(stored):
        del player["username"], player["displayName"]
    return json.dumps(stored)


def user_ids(stored: Mapping[str, Any]) -> set[str]:
    """The players in a stored step."""
    return {player["userId"] for player in _players(stored)}


def load(stored: Mapping[str, Any], names: Mapping[str, tuple[str, str]]) -> RevealedStep:
    """The stored step with the username and the display name of each player, by id."""
    step = deepcopy(dict(stored))
    for player in _players(step):
        player["username"], player["displayName"] = names[player["userId"]]
    return RevealedStep.from_json(step)


def _players(step: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield step["last"]
    yield from step["last"]["rows"]
    if step["next"] is not None:
        yield step["next"]
