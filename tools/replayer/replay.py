"""The replay: when each player scores, and what it does with the answer."""

from __future__ import annotations

import time
from collections.abc import Sequence

from clients.python.live_scoreboard_client import (
    ApiError,
    RequestFailed,
    Scoreboard,
    SessionEnded,
)
from tools.replayer.player import Player
from tools.replayer.registrations import Registrations
from tools.replayer.retry_policy import FORBIDDEN, SLOW_WINDOW_SECONDS, ReplayFailed, describe
from tools.replayer.scheduler import Scheduler
from tools.replayer.tally import Tally

NOT_COUNTED = {"TOKEN_EXPIRED", "TOKEN_INVALID"}
"""The client requests another token with the next call, if the point may not have been counted."""


class Replay:
    """Registers players and plays their events: each player's in order, the players in parallel.

    speed: how many times faster than the times in the file; 0 is as fast as the server allows.
    """

    def __init__(
        self, site: Scoreboard, players: Sequence[Player], password: str, speed: float
    ) -> None:
        self.tally = Tally()
        self._registrations = Registrations(site, players, password, self.tally, continues=False)
        self._players = players
        self._speed = speed
        self._first_at = min(player.pending[0].at for player in players)
        self._started_at = 0.0

    def register(self, concurrency: int) -> None:
        """Register every player in the order of their first events; raises ReplayFailed."""
        self._registrations.run(concurrency)

    def play(self, concurrency: int) -> None:
        """Play every event of the registered players; raises ReplayFailed."""
        self._started_at = time.monotonic()
        Scheduler(self._players, _next_row, self.play_step).run(concurrency)

    def play_step(self, player: Player) -> float | None:
        """Score the player's next point, if it is due.

        Returns when the next step is due, in time.monotonic() seconds, or None if there is none.
        """
        if not player.pending:
            return None
        due = max(self._due(player), self._allowed_at(player))
        if due > time.monotonic():
            return due
        player.attempts.add(time.monotonic())
        try:
            outcome = self._registrations.scoreboard(player).score()
        except SessionEnded:
            return self._registrations.log_in(player)
        except RequestFailed as error:
            return self._retry_at(player, error)
        if "warning" in outcome:
            self.tally.player_flagged(player.name)
        # The details of a point that was counted before may lack it.
        self.tally.point_counted(outcome.get("boardVersion"))
        return self._point_counted(player)

    def _point_counted(self, player: Player) -> float:
        player.retry_policy.reset()
        player.pending[0].points -= 1
        if player.pending[0].points == 0:
            player.pending.popleft()
        return time.monotonic()

    def _due(self, player: Player) -> float:
        if self._speed == 0:
            return 0.0
        return self._started_at + (player.pending[0].at - self._first_at) / self._speed

    def _allowed_at(self, player: Player) -> float:
        slow = bool(self.tally.flagged) or time.monotonic() < player.slow_until
        return player.attempts.next_slow_attempt() if slow else 0.0

    def _retry_at(self, player: Player, error: RequestFailed) -> float:
        """When to score again, at the slow pace for a while; raises ReplayFailed."""
        self.tally.call_failed(player.name, error)
        if isinstance(error, ApiError) and error.status == FORBIDDEN:
            raise ReplayFailed(
                f"{player.name}: the server replied {describe(error)}. The fraud rule took the"
                " replay for cheating: its limits are above FRAUD_RAPID_MAX, which must be raised"
                " with them"
            ) from error
        if isinstance(error, ApiError) and error.code in NOT_COUNTED:
            delay_seconds = player.retry_policy.delay_after_failure(error)
        else:
            delay_seconds = player.retry_policy.delay_after(error)
        due = time.monotonic() + delay_seconds
        player.slow_until = due + SLOW_WINDOW_SECONDS
        return due


def _next_row(player: Player) -> int:
    return player.pending[0].row if player.pending else 0
