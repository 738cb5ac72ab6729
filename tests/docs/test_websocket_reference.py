"""docs/reference/events.md and close-codes.md agree with the code."""

from __future__ import annotations

import json
import re
from typing import get_args

from app.boards.clock import Clock
from app.contract import commands, events
from app.contract.limits import Ban
from app.contract.standings import Board, BoardPeriod, BoardVersion, OwnStanding
from app.contract.viewers import close_codes
from app.contract.viewers.close_codes import CloseKind
from app.contract.viewers.contests import Contest
from app.contract.viewers.reveals import Move
from tests.support.servers import ROOT

REFERENCE = ROOT / "docs" / "reference"
EVENTS = (REFERENCE / "events.md").read_text(encoding="utf-8")
CLOSE_CODES = (REFERENCE / "close-codes.md").read_text(encoding="utf-8")
SPREAD_MS = 12_345
DAY = BoardPeriod("quiz", "day")
SENT: list[events.ViewerEvent] = [
    events.Connected("user", 25, 900, DAY),
    events.LeaderboardUpdate(Board(BoardVersion(1, 2, 3), (), (), more=False), DAY),
    events.RankUpdate(OwnStanding(1, 1), 1, DAY),
    events.Reveal(Move("user", "ada", "Ada", 2, 1, 1, 2, 0, ()), 1, DAY),
    events.ContestUpdate(Contest("open", Clock().as_json()), DAY),
    events.ServerShutdownEvent("web"),
    events.Disconnect("banned", None, Ban(1, None)),
    events.ErrorEvent("MESSAGE_INVALID", "message"),
]


def documented_events() -> dict[str, set[str]]:
    """The fields of each event in the table."""
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|[^|]*\|$", EVENTS, re.M)
    return {name: set(re.findall(r"`(\w+)`", fields)) for name, fields in rows}


def test_every_event_is_in_the_table_with_its_fields() -> None:
    assert {type(event) for event in SENT} == set(events.ViewerEvent.__subclasses__())
    sent = {event.name: set(event.data()) for event in SENT}
    assert documented_events() == sent | {events.Pong.name: set()}


def test_every_command_is_in_the_table() -> None:
    examples = re.findall(r"^\| `(\{.*?\})` \|", EVENTS, re.M)
    parsed = {type(commands.parse_command(example)) for example in examples}
    assert parsed == set(get_args(commands.Command))
    assert all(json.loads(example)["type"] for example in examples)


def reconnect_text(kind: CloseKind) -> str:
    """The column "reconnect after" of a close kind."""
    if kind.reconnect_range_ms is None:
        return "no"
    least, most = kind.reconnect_range_ms
    return f"{least} to {'`RECONNECT_SPREAD_MS`' if most == SPREAD_MS else most} ms"


def test_every_close_kind_is_in_the_table() -> None:
    catalogue = [kind for kind in vars(close_codes).values() if isinstance(kind, CloseKind)]
    catalogue.append(close_codes.shutting_down(SPREAD_MS))
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| ([^|]*) \|", CLOSE_CODES, re.M)
    assert sorted(rows) == sorted(
        (str(kind.code), kind.reason, reconnect_text(kind)) for kind in catalogue
    )
