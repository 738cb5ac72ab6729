"""Final tables: the standings of a final board, which we sign and anyone can verify."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from app.boards.board import Board
from app.boards.boards import Boards
from app.boards.periods import Period
from app.contest import final_rows
from app.contest.final_rows import FinalRow
from app.contract.errors import BoardNotFinished
from app.contract.identity import ALGORITHM, key_id
from app.contract.standings import PeriodKind
from app.leaderboard.board_standings import BoardStandings
from app.storage.database import Database

DOCUMENT_TYPE = "scoreboard-final-table"
"""`typ` of the header of a signed table. That of a token is JWT."""


@dataclass(frozen=True)
class FinalTable:
    """The standings of a period of a final board, in the order of the board."""

    board: Board
    period: Period
    rows: tuple[FinalRow, ...]


class FinalTables:
    """Reads final tables; every read is one statement, so the rows belong together."""

    def __init__(self, database: Database, boards: Boards, standings: BoardStandings) -> None:
        """`database` allows for statements that read all players of a board."""
        self._database = database
        self._boards = boards
        self._standings = standings

    def read(self, key: str, kind: PeriodKind | None, at: datetime | None) -> FinalTable:
        """The table of the period that contains the moment, by default of the one of the contest.

        Raises NotFound, ValidationFailed for a period that the board does not have,
        BoardNotFinished if the board is not final, or acts are hidden, and DatabaseUnavailable.
        """
        board = self._boards.find(key)
        period = self._standings.period(board, kind, at or _contest_moment(board))
        if board.clock.finalized_at is None:
            raise BoardNotFinished("The board is not final yet")
        with self._database.reading() as connection:
            rows = final_rows.read(connection, board, period)
        if rows is None:
            raise BoardNotFinished("Acts are still hidden. Reveal them or unfreeze the board")
        return FinalTable(board, period, rows)


class TableSigner:
    """Signs final tables with the key of access tokens, as JWS (RFC 7515)."""

    def __init__(self, key: RSAPrivateKey, issuer: str) -> None:
        self._key = key
        self._kid = key_id(key.public_key())
        self._issuer = issuer

    def sign(
        self, content: bytes, content_type: str, signed_at: datetime, described: Mapping[str, Any]
    ) -> str:
        """The JWS of a table in that format. Its header describes the table too, because some
        formats have rows only."""
        headers = {
            **described,
            "kid": self._kid,
            "typ": DOCUMENT_TYPE,
            "cty": content_type,
            "iss": self._issuer,
            "iat": int(signed_at.timestamp()),
        }
        return jwt.PyJWS().encode(content, self._key, algorithm=ALGORITHM, headers=headers)


def _contest_moment(board: Board) -> datetime | None:
    """A moment of the period whose standings a reveal shows; None for a board without an end."""
    clock = board.clock
    if clock.freezes_at is not None or clock.closes_at is None:
        return clock.freezes_at
    # The first moment after the end may belong to the next day.
    return clock.closes_at - timedelta(milliseconds=1)
