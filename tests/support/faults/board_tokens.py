"""Players that score with tokens of a board beside `main`, and what the board has to show."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass

from app.boards.board import Board, BoardSettings
from tests.support.faults.harness import FaultHarness
from tests.support.faults.token_load import TokenLoad
from tests.support.service_acts import OPERATOR, zone_at_noon
from tests.support.services import Services

REPEATED_TOKENS = 20


@dataclass(frozen=True)
class TokenBoard:
    """A board that players score on, and its players."""

    services: Services
    board: Board
    load: TokenLoad

    def check_counted_once(self) -> None:
        """The board has a point for each token whose answer says so, in each period, and no other.

        The load must have ended.
        """
        assert self.load.unexpected == set(), self.load.unexpected
        assert all(spend.final for spend in self.load.spends)
        counted = [spend for spend in self.load.spends if spend.counted]
        for spend in counted[:REPEATED_TOKENS]:
            first = spend.score
            assert spend.ask(spend.player.url) == "TOKEN_USED"
            assert spend.score == first
        expected = Counter(spend.player.user_id for spend in counted)
        for kind in self.board.settings.periods:
            period = self.services.standings.period(self.board, kind, None)
            rows = self.services.standings.export(self.board, period)
            assert {row.user_id: row.score for row in rows} == expected


def token_board(harness: FaultHarness, services: Services) -> TokenBoard:
    """A board with players of its own, whose load does not run yet."""
    settings = BoardSettings(
        f"arena-{secrets.token_hex(4)}",
        "Arena",
        scored_by="players",
        periods=("all", "day"),
        time_zone=zone_at_noon(),
    )
    board = services.boards.create(OPERATOR, settings)
    load = TokenLoad(harness.system.urls, players=4, pause=0.02, board=settings.key)
    return TokenBoard(services, board, load)
