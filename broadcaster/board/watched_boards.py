"""The boards that have viewers, and the work for each board while it has some."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import gevent

from app.alerting.background_parts import Loop
from app.composition.broadcaster import BroadcasterServices
from app.contract.alerts import AlertKind
from app.contract.channels import ScoreUpdate
from app.contract.commands import Watch
from app.contract.events import Reveal
from app.contract.standings import MAIN, BoardPeriod
from broadcaster.board.broadcast import BoardBroadcast
from broadcaster.board.broadcast_budget import BroadcastBudget
from broadcaster.board.coalescer import Coalescer
from broadcaster.board.contest_watch import ContestWatch
from broadcaster.board.listener import RedisListener
from broadcaster.board.rank_updates import RankUpdates
from broadcaster.viewers.audience import Audience
from broadcaster.viewers.encoded_event import EncodedEvent
from broadcaster.viewers.viewer import Viewer

FIRST_BOARD_TIMEOUT_SECONDS = 1.5


class WatchedBoard:
    """One board and period with its viewers and its coalescer."""

    def __init__(
        self,
        services: BroadcasterServices,
        budget: BroadcastBudget,
        watched: BoardPeriod,
        on_left: Callable[[Audience], None],
    ) -> None:
        self.audience = Audience(watched, on_left)
        self.joining = 0
        """Handshakes and commands in progress whose viewers will watch it."""
        self.broadcast = BoardBroadcast(services, self.audience)
        self.coalescer = Coalescer(self.broadcast.read, self.broadcast.send, budget)

    @property
    def needed(self) -> bool:
        """Whether a viewer watches it, or will."""
        return bool(self.joining or len(self.audience))


class WatchedBoards:
    """Starts the work for a board with its first viewer, and ends it after the last one has left.

    `main` of all time is always watched, because nearly all viewers watch it. A board that is not
    watched needs no message of Redis, no read and no greenlet.
    """

    def __init__(
        self, services: BroadcasterServices, listener: RedisListener, rank_updates: RankUpdates
    ) -> None:
        self._services = services
        self._listener = listener
        self._rank_updates = rank_updates
        self._budget = BroadcastBudget(services.settings.broadcast_interval_ms / 1000)
        self._contests = ContestWatch(services.known_boards, services.contests)
        self._boards: dict[BoardPeriod, WatchedBoard] = {}
        self._main = self._start(MAIN)
        self._main.joining = 1

    def run_main(self, progress: Callable[[], None]) -> None:
        """Broadcast `main` of all time forever; `progress` is called after each read."""
        self._main.coalescer.run(progress)

    def run_contests(self, progress: Callable[[], None]) -> None:
        """Send the contests of the other boards forever; `progress` is called after each read."""
        self._contests.run(progress)

    def join(self, watched: BoardPeriod) -> Audience:
        """The audience of the board, once it has a board to send; the caller has to call release().

        Raises DatabaseUnavailable or RedisUnavailable after FIRST_BOARD_TIMEOUT_SECONDS, and then
        release() must not be called.
        """
        board = self._boards.get(watched) or self._begin(watched)
        board.joining += 1
        try:
            board.coalescer.wait_for_first(FIRST_BOARD_TIMEOUT_SECONDS)
        except BaseException:
            self.release(board.audience)
            raise
        return board.audience

    def release(self, audience: Audience) -> None:
        """End a join(): its viewer has been added to the audience, or never will be."""
        board = self._boards[audience.watched]
        board.joining -= 1
        self._on_left(audience)

    def watch(self, viewer: Viewer, command: Watch) -> None:
        """Let the viewer watch the board that it named.

        Raises NotFound, DatabaseUnavailable and RedisUnavailable, and then it changes nothing.
        """
        watched = self._services.known_boards.board_period(command.board, command.period)
        audience = self.join(watched)
        audience.move_here(viewer)
        self.release(audience)
        self._rank_updates.on_moved(viewer)

    def _start(self, watched: BoardPeriod) -> WatchedBoard:
        board = WatchedBoard(self._services, self._budget, watched, self._on_left)
        self._boards[watched] = board
        self._listener.follow(
            watched, partial(self._on_change, board), partial(self._on_subscribed, board)
        )
        return board

    def _begin(self, watched: BoardPeriod) -> WatchedBoard:
        board, name = self._start(watched), f"{watched.board}/{watched.period}"
        gevent.spawn(self._listener.update_channels)
        gevent.spawn(self._run, f"board {name}", board.coalescer.run)
        self._contests.add(board.audience)
        return board

    def _run(self, name: str, loop: Loop) -> None:
        """Run a part of a board's work until its last viewer has left."""
        parts = self._services.parts
        report = partial(self._services.alerts.report, AlertKind.PART_FAILED)
        part = parts.add(name, report)
        try:
            part.run(loop)
        finally:
            parts.remove(part)

    def _on_change(self, board: WatchedBoard, update: ScoreUpdate) -> None:
        board.broadcast.note(update)
        board.coalescer.announce(update.version)
        self._contests.on_board_changed(board.audience.watched)
        self._rank_updates.check(board.audience.watched)
        if update.moves:
            # In a greenlet of its own, so that it does not delay the next messages.
            gevent.spawn(_send_moves, board.audience, update)

    def _on_subscribed(self, board: WatchedBoard) -> None:
        board.broadcast.on_messages_lost()
        board.coalescer.check()
        self._contests.check(board.audience.watched)
        self._rank_updates.check(board.audience.watched)

    def _on_left(self, audience: Audience) -> None:
        board = self._boards[audience.watched]
        if board.needed:
            return
        del self._boards[audience.watched]
        board.coalescer.stop()
        self._contests.remove(board.audience)
        self._listener.unfollow(audience.watched)
        gevent.spawn(self._listener.update_channels)


def _send_moves(audience: Audience, update: ScoreUpdate) -> None:
    for move in update.moves:
        audience.send_event(EncodedEvent(Reveal(move, update.version, audience.watched)))
