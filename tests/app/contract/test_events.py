"""The events for viewers, byte by byte."""

from __future__ import annotations

import pytest

from app.contract.events import (
    Connected,
    ContestUpdate,
    Disconnect,
    ErrorEvent,
    LeaderboardUpdate,
    Pong,
    RankUpdate,
    Reveal,
    ServerShutdownEvent,
    ViewerEvent,
)
from app.contract.limits import Ban
from app.contract.standings import Board, BoardPeriod, BoardVersion, OwnStanding, Standing
from app.contract.viewers.contests import Contest, NextPlayer, RevealedStep
from app.contract.viewers.reveals import Move

BOARD = Board(BoardVersion(7, 1_000, 2_500), (Standing(1, "u", "asa", "Åsa", 3),), (), more=False)
EVENTS: dict[str, ViewerEvent | Pong] = {
    '{"event":"connected","data":{"userId":"u","room":"leaderboard","heartbeatSeconds":25,'
    '"tokenExpiresIn":900}}': Connected("u", 25, 900),
    '{"event":"leaderboard_update","data":{"version":7,"updatedAt":"1970-01-01T00:00:01.000Z",'
    '"committedAt":"1970-01-01T00:00:02.500Z","leaderboard":[{"rank":1,"userId":"u",'
    '"username":"asa","displayName":"Åsa","score":3}]}}': LeaderboardUpdate(BOARD),
    '{"event":"leaderboard_update","data":{"version":8,"updatedAt":"1970-01-01T00:00:01.000Z",'
    '"leaderboard":[]}}': LeaderboardUpdate(Board(BoardVersion(8, 1_000, 0), (), (), more=False)),
    '{"event":"rank_update","data":{"score":0,"rank":null,"version":7}}': RankUpdate(
        OwnStanding(0, None), 7
    ),
    '{"event":"reveal","data":{"userId":"u","username":"asa","displayName":"Åsa","fromRank":null,"fromScore":null,"toRank":1,'
    '"toScore":3,"remaining":2,"rows":[{"rank":1,"userId":"u","username":"asa",'
    '"displayName":"Åsa","score":3}],"version":7,"board":"quiz","period":"all"}}': Reveal(
        Move("u", "asa", "Åsa", None, None, 1, 3, 2, BOARD.rows), 7, BoardPeriod("quiz", "all")
    ),
    '{"event":"contest","data":{"state":"closed","freezesAt":"2026-11-30T10:00:00.000Z",'
    '"thawedAt":null,"reveal":{"number":4,"remaining":2,"last":{"userId":"u","username":"asa","displayName":"Åsa","fromRank":null,'
    '"fromScore":null,"toRank":1,"toScore":3,"remaining":2,"rows":[]},"next":{"userId":"v",'
    '"username":"bea","displayName":"Bea","rank":2,"score":1}},'
    '"board":"quiz","period":"all"}}': ContestUpdate(
        Contest(
            "closed",
            {"freezesAt": "2026-11-30T10:00:00.000Z", "thawedAt": None},
            4,
            RevealedStep(
                Move("u", "asa", "Åsa", None, None, 1, 3, 2, ()),
                NextPlayer("v", "bea", "Bea", 2, 1),
            ),
        ),
        BoardPeriod("quiz", "all"),
    ),
    '{"event":"server_shutdown","data":{"instance":"blue"}}': ServerShutdownEvent("blue"),
    '{"event":"disconnect","data":{"reason":"banned","reconnectInMs":null}}': Disconnect(
        "banned", None
    ),
    '{"event":"disconnect","data":{"reason":"banned","reconnectInMs":null,"details":'
    '{"bannedAt":"1970-01-01T00:00:01.000Z","until":null,"reason":null}}}': Disconnect(
        "banned", None, Ban(1_000, None)
    ),
    '{"event":"error","data":{"code":"MESSAGE_INVALID","message":"Send …"}}': ErrorEvent(
        "MESSAGE_INVALID", "Send …"
    ),
    '{"event": "pong"}': Pong(),
}


@pytest.mark.parametrize("text", EVENTS)
def test_each_event_is_dumped_as_documented(text: str) -> None:
    assert EVENTS[text].dump() == text


def test_every_type_of_event_is_tested() -> None:
    assert {type(event) for event in EVENTS.values()} == {Pong, *ViewerEvent.__subclasses__()}
