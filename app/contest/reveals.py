"""Reveals: the hidden acts of a board are shown step by step, the lowest-ranked player first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from app.audit import audit_rows
from app.audit.audited_change import Initiator
from app.boards import board_rows
from app.boards.board import Board
from app.boards.boards import Boards
from app.boards.periods import Period, period_at
from app.contest import hidden_rows, reveal_rows
from app.contest.freezes import publish_players
from app.contest.moves import MoveReader
from app.contest.reveal_rows import PlayerToReveal, RevealStep, StepKind
from app.contract.errors import BoardNotFinished
from app.contract.viewers.contests import NextPlayer, RevealedStep
from app.contract.viewers.reveals import Move
from app.leaderboard.publication import BoardPublisher
from app.leaderboard.rankings import ranking_of
from app.storage.database import Database

MAX_MOVES = 10
"""Players of a step whose climbs are announced, the last ones; the others are only shown. A viewer
that reads slowly has to hold the frames of all of them."""


@dataclass(frozen=True)
class RevealState:
    """A board in a reveal, after the last step."""

    board: Board
    number: int
    """The number of the last step; 0 if there is none. An undone step's number is used again."""
    remaining: int
    """Acts that are still to be revealed."""
    next: PlayerToReveal | None
    """The player of the next step; None if nothing is hidden, except of banned players."""
    moves: tuple[Move, ...] = ()
    """What this call has shown, in order."""


class Reveals:
    """Shows and hides the acts of a frozen board, and makes it final.

    Guarantees:
      * Each method runs in one transaction, which holds the clock of the board. So no act is
        counted in the meantime, and two calls follow one another.
      * Steps do not end the freeze: acts, and points taken back, stay hidden until they are
        revealed too. `unfreeze` ends it, and so does `finalize` after a reveal. After that no step
        can be undone.
      * A final board that is still frozen has the same steps as a closed one.
      * The change is published after the commit; if that fails, the reconciler publishes it.

    Every method answers with the resulting state, also if it changed nothing. Raises NotFound and
    DatabaseUnavailable.
    """

    def __init__(self, database: Database, boards: Boards, publisher: BoardPublisher) -> None:
        """`database` allows for statements that change the standings of all players of a board."""
        self._database = database
        self._boards = boards
        self._publisher = publisher

    def state(self, key: str) -> RevealState:
        """What has been revealed, and which player is next."""
        board = self._boards.find(key)
        with self._database.transaction() as connection:
            return _state(connection, board)

    def reveal(
        self, initiator: Initiator, key: str, kind: StepKind, number: int | None = None
    ) -> RevealState:
        """Make one step: the next act, all acts of the next player, or all acts.

        With the number of the step, the call changes nothing if that step has been made already.
        """
        board_id = self._boards.find(key).id
        with self._database.transaction() as connection:
            board = _locked(connection, board_id, key)
            before = _state(connection, board)
            if before.next is None or number not in {None, before.number + 1}:
                return before
            users = _lock_players(connection, board, kind)
            moves: tuple[Move, ...] = ()
            if users:
                step = RevealStep(before.number + 1, users)
                frozen_at = _frozen_at(board)
                reveal_rows.record_step(connection, board_id, frozen_at, kind, step)
                moves = _make(connection, board, kind, users)
                details = {"board": key, "step": kind, "number": step.number}
                audit_rows.insert(connection, initiator, "reveal", None, details)
            after = _state(connection, board)
            if moves:
                _announce(connection, after, moves[-1])
        self._publish(board, users, moves)
        return RevealState(board, after.number, after.remaining, after.next, moves)

    def undo(self, initiator: Initiator, key: str, number: int | None = None) -> RevealState:
        """Hide again what the last step showed, unless it has another number."""
        board_id = self._boards.find(key).id
        with self._database.transaction() as connection:
            board = _locked(connection, board_id, key)
            if not board.clock.hides_at(board.read_at):
                return _state(connection, board)
            frozen_at = _frozen_at(board)
            step = reveal_rows.last_step(connection, board_id, frozen_at)
            if not step.number or number not in {None, step.number}:
                return _state(connection, board)
            hidden_rows.lock_players(connection, board_id, step.user_ids)
            reveal_rows.undo_step(connection, board_id, frozen_at, step.number)
            details = {"board": key, "number": step.number}
            audit_rows.insert(connection, initiator, "undo-reveal", None, details)
            after = _state(connection, board)
        publish_players(self._database, self._publisher, board_id, step.user_ids)
        return after

    def finalize(self, initiator: Initiator, key: str) -> Board:
        """Declare the standings of a closed board final; the resulting board.

        This ends the freeze only if the last step announced that nothing remains. What was hidden
        later, such as points taken back, is then shown too. Otherwise the board stays frozen, also
        if nothing is hidden, because viewers would see the difference.
        Raises BoardNotFinished if the board is not closed.
        """
        board_id = self._boards.find(key).id
        with self._database.transaction() as connection:
            board = _locked(connection, board_id, key)
            if board.clock.finalized_at:
                return board
            closes_at = board.clock.closes_at
            if closes_at is None or board.read_at < closes_at:
                raise BoardNotFinished("The board is not closed yet")
            players: Sequence[str] = ()
            if _is_revealed(connection, board):
                hidden_rows.lock_players(connection, board_id)
                players = hidden_rows.show_all(connection, board_id)
                board_rows.unfreeze(connection, board_id)
            board_rows.finalize(connection, board_id)
            audit_rows.insert(connection, initiator, "finalize-board", None, {"board": key})
        publish_players(self._database, self._publisher, board_id, players)
        return self._boards.find(key)

    def _publish(self, board: Board, users: Sequence[str], moves: Sequence[Move]) -> None:
        publish_players(self._database, self._publisher, board.id, users)
        if not moves:
            return
        period = _period(board)
        # Viewers watch the present period, which may be a later one.
        if period == period_at(period.kind, period.time_zone, datetime.now(UTC)):
            self._publisher.announce_moves(ranking_of(board, period), moves)


def _locked(connection: Connection, board_id: int, key: str) -> Board:
    board_rows.lock_clock(connection, board_id)
    return board_rows.find_all(connection, [key])[key]


def _state(connection: Connection, board: Board) -> RevealState:
    if board.clock.freezes_at is None:
        return RevealState(board, 0, 0, None)
    number = reveal_rows.last_step(connection, board.id, _frozen_at(board)).number
    player = reveal_rows.next_player(connection, board.id, _period(board))
    return RevealState(board, number, player.remaining_of_all if player else 0, player)


def _frozen_at(board: Board) -> datetime:
    assert board.clock.freezes_at is not None, "only a board that has frozen has steps"
    return board.clock.freezes_at


def _period(board: Board) -> Period:
    """The period whose standings give the order of the reveal."""
    settings = board.settings
    return period_at(settings.periods[0], settings.time_zone, _frozen_at(board))


def _lock_players(connection: Connection, board: Board, kind: StepKind) -> list[str]:
    """Lock the players of the next step, so that no ban happens during it; their ids in order."""
    users = _players(connection, board, kind)
    while True:
        hidden_rows.lock_players(connection, board.id, users)
        # A ban, or its end, may have been waited for.
        found = _players(connection, board, kind)
        if {*found} <= {*users}:
            return found
        users = found


def _players(connection: Connection, board: Board, kind: StepKind) -> list[str]:
    if kind == "all":
        return reveal_rows.players_to_reveal(connection, board.id, _period(board))
    player = reveal_rows.next_player(connection, board.id, _period(board))
    return [player.user_id] if player else []


def _make(
    connection: Connection, board: Board, kind: StepKind, users: Sequence[str]
) -> tuple[Move, ...]:
    """Show the hidden acts of the step; returns the climbs of its last players."""
    announced = users[-MAX_MOVES:]
    if silent := users[: -len(announced)]:
        hidden_rows.show_all(connection, board.id, silent)
    reader = MoveReader(connection, board, _period(board))
    moves = []
    for user_id in announced:
        before = reader.place(user_id)
        if kind == "act":
            reveal_rows.show_oldest(connection, board.id, user_id)
        else:
            hidden_rows.show_all(connection, board.id, [user_id])
        moves.append(reader.move(user_id, before))
    return tuple(moves)


def _announce(connection: Connection, state: RevealState, last: Move) -> None:
    """Store what the last step announces, for viewers that connect later."""
    player = state.next
    following = player and NextPlayer(
        player.user_id, player.username, player.display_name, player.rank, player.score
    )
    board = state.board
    step = RevealedStep(last, following)
    reveal_rows.announce_step(connection, board.id, _frozen_at(board), state.number, step)


def _is_revealed(connection: Connection, board: Board) -> bool:
    """Whether the last step of a frozen board announced that nothing remains to be revealed."""
    if not board.clock.hides_at(board.read_at):
        return False
    _, step = reveal_rows.announced_step(connection, board.id, _frozen_at(board))
    return step is not None and step.is_last
