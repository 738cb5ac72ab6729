"""Other files repeat the kinds of period and the events of the contract, and are complete."""

from __future__ import annotations

import re
from typing import get_args

from app.api.asyncapi.document import STREAMED
from app.contract import events
from app.contract.standings import PeriodKind
from app.web import board_picker
from clients.python.live_scoreboard_client.models import Period
from clients.python.live_scoreboard_client.watch.websocket import BOARD_EVENTS
from tests.support.servers import ROOT
from tests.test_structure import modules
from tools.watcher.command import PERIODS

KINDS = set(get_args(PeriodKind))
EVENTS = events.ViewerEvent.__subclasses__()
JAVASCRIPT = ROOT / "clients" / "js" / "src"


def names_in_javascript(path: str, pattern: str) -> set[str]:
    """The strings in double quotes in what the group of the pattern matches."""
    found = re.search(pattern, (JAVASCRIPT / path).read_text(encoding="utf-8"))
    assert found, pattern
    return set(re.findall(r'"(\w+)"', found[1]))


def test_the_page_has_texts_for_each_kind_of_period() -> None:
    assert set(board_picker.KINDS) == KINDS
    for texts in (board_picker.PREVIOUS, board_picker.NEXT, board_picker.PRESENT):
        assert set(texts) == KINDS - {"all"}


def test_the_clients_and_the_watcher_have_each_kind_of_period() -> None:
    assert set(get_args(Period)) == KINDS
    assert names_in_javascript("models.d.ts", r"type Period = (.*);") == KINDS
    assert set(PERIODS) == KINDS


def test_the_asyncapi_document_lists_the_events_that_the_broadcaster_streams() -> None:
    # The last event of every connection, which stream_viewer.py gets from the kind of close.
    streamed = {events.Disconnect.name}
    for _, path in modules("broadcaster"):
        source = path.read_text(encoding="utf-8")
        if "EncodedEvent(" in source:
            made = (kind for kind in EVENTS if f"{kind.__name__}(" in source)
            streamed |= {kind.name for kind in made}
    assert streamed == set(STREAMED)


def test_the_clients_check_the_board_of_each_event_of_a_board() -> None:
    # `connected` says which board it is, and begins the connection in any case.
    of_a_board = {kind.name for kind in EVENTS if "watched" in kind.__annotations__}
    of_a_board.remove(events.Connected.name)
    assert of_a_board == BOARD_EVENTS
    javascript = names_in_javascript("watch/board-socket.js", r"BOARD_EVENTS = \[(.*)\];")
    assert javascript == of_a_board
