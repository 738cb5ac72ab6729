"""Samples of every event and command: the document's examples, and the source of its schemas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.contract import events
from app.contract.limits import AUTOMATIC_BAN, Ban
from app.contract.standings import Board, BoardPeriod, BoardVersion, OwnStanding, Standing
from app.contract.viewers.contests import Contest, NextPlayer, RevealedStep
from app.contract.viewers.reveals import Move

_MOMENT = 1_795_479_476_347
_USER_ID = "9058f3b5-329b-444d-a70e-d16ecd49bddd"
_ROW = Standing(1, _USER_ID, "ada", "Ada", 17)
_BOARD = Board(BoardVersion(_MOMENT, _MOMENT, _MOMENT), (_ROW,), (), more=False)

_REBUILT = Board(BoardVersion(_MOMENT, _MOMENT, 0), (_ROW,), (), more=False)
_WEEK = BoardPeriod("quiz-night", "week")
_MOVE = Move(_USER_ID, "ada", "Ada", 7, 12, 1, 17, 3, (_ROW,))
_NEXT = NextPlayer("5a0e2f7c-6a3b-4c58-9d0e-3f1b2a4c5d6e", "grace", "Grace", 4, 13)
_AT = "2026-11-24T00:17:56.346Z"
_TIMES = {
    "opensAt": None,
    "freezesAt": None,
    "closesAt": _AT,
    "thawedAt": None,
    "finalizedAt": None,
}

EVENTS: Sequence[events.ViewerEvent | events.Pong] = (
    events.Connected(_USER_ID, 25, 900),
    events.Connected(_USER_ID, 25, 900, _WEEK),
    events.LeaderboardUpdate(_BOARD),
    events.LeaderboardUpdate(_BOARD, _WEEK),
    events.LeaderboardUpdate(_REBUILT),
    events.RankUpdate(OwnStanding(17, 1), _MOMENT),
    events.RankUpdate(OwnStanding(0, None), _MOMENT),
    events.RankUpdate(OwnStanding(17, 1), _MOMENT, _WEEK),
    events.Reveal(_MOVE, _MOMENT, _WEEK),
    events.Reveal(Move(_USER_ID, "ada", "Ada", None, None, 1, 17, 2, (_ROW,)), _MOMENT, _WEEK),
    events.Reveal(Move(_USER_ID, "ada", "Ada", 7, 12, None, None, 2, ()), _MOMENT, _WEEK),
    events.ContestUpdate(Contest("open", _TIMES), _WEEK),
    events.ContestUpdate(
        Contest("closed", _TIMES | {"freezesAt": _AT}, 3, RevealedStep(_MOVE, _NEXT)), _WEEK
    ),
    events.ContestUpdate(
        Contest(
            "closed",
            _TIMES | {"opensAt": _AT, "freezesAt": _AT, "thawedAt": _AT, "finalizedAt": _AT},
            4,
            RevealedStep(_MOVE, None),
        ),
        _WEEK,
    ),
    events.ServerShutdownEvent("127.0.0.1:8000"),
    events.Disconnect("shutting_down", 4_200),
    events.Disconnect("banned", None, Ban(_MOMENT, None)),
    events.Disconnect("banned", None, Ban(_MOMENT, _MOMENT + 7_200_000, AUTOMATIC_BAN)),
    events.ErrorEvent("MESSAGE_INVALID", "not a command"),
    events.Pong(),
)
"""At least one of each type, and one of each form of its data."""

COMMANDS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "ping": ({"type": "ping"},),
    "watch_me": ({"type": "watch_me"},),
    "watch": ({"type": "watch", "board": "quiz-night", "period": "week"}, {"type": "watch"}),
    "auth": ({"type": "auth", "token": "<access token>"},),
}
"""By the type of the command; the last of each type has only the fields that are required."""
