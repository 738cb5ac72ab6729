"""Accounts and logins of the players of a replay."""

from __future__ import annotations

import time
from collections.abc import Sequence

from clients.python.live_scoreboard_client import ApiError, RequestFailed, Scoreboard
from tools.replayer.player import Player
from tools.replayer.retry_policy import ReplayFailed, describe, is_rate_limit
from tools.replayer.scheduler import Scheduler
from tools.replayer.tally import Tally


class Registrations:
    """Registers players. Each gets a scoreboard of its own, on the connections of `site`.

    `continues`: a name that is taken was registered by an earlier replay of the same run.
    """

    def __init__(
        self,
        site: Scoreboard,
        players: Sequence[Player],
        password: str,
        tally: Tally,
        *,
        continues: bool,
    ) -> None:
        self._players = players
        self._password = password
        self._tally = tally
        self._continues = continues
        self._scoreboards = {player.name: site.for_another_player() for player in players}
        self._allowed_at = 0.0
        """Registrations and logins are limited per address, so a 429 applies to all players."""

    def scoreboard(self, player: Player) -> Scoreboard:
        """The player's own."""
        return self._scoreboards[player.name]

    def run(self, concurrency: int) -> None:
        """Register every player in the order of their first events; raises ReplayFailed."""
        Scheduler(self._players, lambda player: player.pending[0].row, self.register).run(
            concurrency
        )

    def register(self, player: Player) -> float | None:
        """The Scheduler's step: None if the player exists, else when to try again."""
        if self._allowed_at > time.monotonic():
            return self._allowed_at
        try:
            self.scoreboard(player).register(player.username, self._password, player.name)
        except RequestFailed as error:
            if not (self._continues and _is_taken(error)):
                if not is_rate_limit(error) and not error.uncertain:
                    reason = f"the server refused the registration: {describe(error)}"
                    raise ReplayFailed(f"{player.name}: {reason}") from error
                return self._retry_at(player, error)
        player.retry_policy.reset()
        self._tally.player_registered()
        return None

    def log_in(self, player: Player) -> float:
        """Log in a player whose session has ended; returns when the player's next step is due."""
        if self._allowed_at > time.monotonic():
            return self._allowed_at
        try:
            self.scoreboard(player).login(player.username, self._password)
        except RequestFailed as error:
            return self._retry_at(player, error)
        return time.monotonic()

    def _retry_at(self, player: Player, error: RequestFailed) -> float:
        self._tally.call_failed(player.name, error)
        due = time.monotonic() + player.retry_policy.delay_after(error)
        if is_rate_limit(error):
            self._allowed_at = due
        return due


def _is_taken(error: RequestFailed) -> bool:
    return isinstance(error, ApiError) and error.code == "USERNAME_TAKEN"
