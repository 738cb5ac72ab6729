"""The replay itself: what each player asks the server next, and what it makes of the answer."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tools.replaying.api import TOO_MANY_REQUESTS, Api, ReplayFailed, Reply
from tools.replaying.patience import CAREFUL_SECONDS, RecentAttempts
from tools.replaying.player import ActionToken, Credentials, Player
from tools.replaying.scheduler import Scheduler
from tools.replaying.tally import Tally

TOKEN_MARGIN = 5.0
"""Seconds of an action token's life that must be left for it to be worth keeping."""

_OK, _CREATED, _UNAUTHORIZED, _FORBIDDEN, _CONFLICT = 200, 201, 401, 403, 409


class Replay:
    """Registers players and plays their events: in order for each, side by side for all.

    speed: how many times faster than the file's own time; 0 is as fast as the server lets.
    """

    def __init__(self, api: Api, players: Sequence[Player], password: str, speed: float) -> None:
        self.tally = Tally()
        self._api = api
        self._players = players
        self._password = password
        self._speed = speed
        self._first_at = min(player.turns[0].at for player in players)
        self._begun = 0.0
        self._entry_opens = 0.0
        """Register and login are limited by address, so one player's 429 holds for all."""

    def register(self, concurrency: int) -> None:
        """Register every player, first come first; raises ReplayFailed."""
        Scheduler(self._players, _row, self._enter).run(concurrency)

    def play(self, concurrency: int) -> None:
        """Play every event of the registered players; raises ReplayFailed."""
        self._begun = time.monotonic()
        Scheduler(self._players, _row, self._play).run(concurrency)

    def _enter(self, player: Player) -> float | None:
        if player.credentials is None:
            return self._sign_in(player)
        player.patience.progress()
        self.tally.player_registered()
        return None

    def _play(self, player: Player) -> float | None:
        if not player.turns:
            return None
        now = time.monotonic()
        due = self._due(player)
        if due > now:
            return due
        if player.credentials is None:
            return self._sign_in(player)
        if player.credentials.access_ends <= now:
            return self._refresh(player, player.credentials)
        if player.action_token is None:
            return self._ask(player, player.credentials)
        return self._spend(player, player.credentials, player.action_token)

    def _due(self, player: Player) -> float:
        if self._speed == 0:
            return 0.0
        return self._begun + (player.turns[0].at - self._first_at) / self._speed

    def _sign_in(self, player: Player) -> float:
        if self._entry_opens > time.monotonic():
            return self._entry_opens
        body = {"username": player.username, "password": self._password}
        if player.registered:
            reply = self._api.post("/auth/login", body)
        else:
            reply = self._api.post("/auth/register", {**body, "displayName": player.name})
        self.tally.heard(player.name, reply)
        if reply.status in {_OK, _CREATED}:
            player.registered = True
            player.user_id = reply.body["userId"]
            player.credentials = Credentials.of(reply)
            return time.monotonic()
        if reply.status == _CONFLICT and player.maybe_registered:
            # Nobody else has this run's suffix: the answer that was lost was a 201.
            player.registered = True
            return time.monotonic()
        player.maybe_registered = player.maybe_registered or reply.uncertain
        due = self._put_off(player, reply)
        if reply.status == TOO_MANY_REQUESTS:
            self._entry_opens = due
        return due

    def _refresh(self, player: Player, credentials: Credentials) -> float:
        reply = self._api.post("/auth/refresh", {"refreshToken": credentials.refresh_token})
        self.tally.heard(player.name, reply)
        if reply.status == _OK:
            player.credentials = Credentials.of(reply)
            return time.monotonic()
        if reply.status == _UNAUTHORIZED or reply.uncertain:
            # Using a refresh token twice ends the session, so after a lost answer log in again.
            player.credentials = None
            return self._after_failure(player, reply)
        return self._put_off(player, reply)

    def _ask(self, player: Player, credentials: Credentials) -> float:
        if (free := self._free(player, player.token_attempts)) > time.monotonic():
            return free
        asked_at = time.monotonic()
        reply = self._act(player, credentials, player.token_attempts, "/actions/token", {})
        if reply.status != _OK:
            return self._refused(player, reply)
        ends = asked_at + reply.body["expiresIn"]
        player.action_token = ActionToken(reply.body["actionToken"], ends)
        return time.monotonic()

    def _spend(self, player: Player, credentials: Credentials, token: ActionToken) -> float:
        if (free := self._free(player, player.increment_attempts)) > time.monotonic():
            return free
        body = {"actionToken": token.text}
        reply = self._act(player, credentials, player.increment_attempts, "/scores/increment", body)
        if reply.status == _OK or reply.code == "TOKEN_USED":
            return self._counted(player, reply)
        if reply.code == "TOKEN_EXPIRED" or (reply.code == "TOKEN_INVALID" and not token.doubtful):
            # Not counted, and never will be.
            player.action_token = None
            return self._after_failure(player, reply)
        if reply.code == "TOKEN_INVALID":
            # Redis lost the token; whether the point was counted isn't settled before it expires.
            return self._after_failure(player, reply)
        token.doubtful = token.doubtful or reply.uncertain
        due = self._refused(player, reply)
        if not token.doubtful and due > token.ends - TOKEN_MARGIN:
            player.action_token = None
        return due

    def _counted(self, player: Player, reply: Reply) -> float:
        details = reply.body.get("details") or {}
        self.tally.point_counted(reply.body.get("boardVersion") or details.get("boardVersion"))
        player.patience.progress()
        player.action_token = None
        player.turns[0].points -= 1
        if player.turns[0].points == 0:
            player.turns.popleft()
        return time.monotonic()

    def _act(
        self,
        player: Player,
        credentials: Credentials,
        attempts: RecentAttempts,
        path: str,
        body: dict[str, str],
    ) -> Reply:
        attempts.add(time.monotonic())
        reply = self._api.post(path, body, credentials.access_token)
        self.tally.heard(player.name, reply)
        return reply

    def _free(self, player: Player, attempts: RecentAttempts) -> float:
        careful = bool(self.tally.flagged) or time.monotonic() < player.careful_until
        return attempts.next_careful() if careful else 0.0

    def _refused(self, player: Player, reply: Reply) -> float:
        """When to try again after a refusal of an action."""
        if reply.status == _UNAUTHORIZED and player.credentials is not None:
            player.credentials.access_ends = 0.0
            return self._after_failure(player, reply)
        if reply.status == _FORBIDDEN:
            raise ReplayFailed(
                f"{player.name}: the server answered {reply}. It holds the replay for cheating: "
                "its limits are above FRAUD_RAPID_MAX, which has to be raised with them"
            )
        return self._put_off(player, reply)

    def _put_off(self, player: Player, reply: Reply) -> float:
        return self._careful_from(player, time.monotonic() + player.patience.wait_after(reply))

    def _after_failure(self, player: Player, reply: Reply) -> float:
        wait = player.patience.wait_after_failure(reply)
        return self._careful_from(player, time.monotonic() + wait)

    def _careful_from(self, player: Player, due: float) -> float:
        """`due`, after which this player's attempts are spread out until the trouble is past."""
        player.careful_until = due + CAREFUL_SECONDS
        return due


def _row(player: Player) -> int:
    return player.turns[0].row if player.turns else 0
