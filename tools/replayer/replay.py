"""The replay: which request each player makes next, and what it does with the reply."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tools.replayer.api import TOO_MANY_REQUESTS, ApiClient, ReplayFailed, Reply
from tools.replayer.player import ActionToken, Player, Session
from tools.replayer.retry_policy import SLOW_WINDOW_SECONDS, RecentAttempts
from tools.replayer.scheduler import Scheduler
from tools.replayer.tally import Tally

MIN_TOKEN_LIFE_SECONDS = 5.0
"""An action token with less time left is not kept for a retry."""

_OK, _CREATED, _UNAUTHORIZED, _FORBIDDEN, _CONFLICT = 200, 201, 401, 403, 409


class Replay:
    """Registers players and plays their events: each player's in order, the players in parallel.

    speed: how many times faster than the times in the file; 0 is as fast as the server allows.
    """

    def __init__(
        self, api: ApiClient, players: Sequence[Player], password: str, speed: float
    ) -> None:
        self.tally = Tally()
        self._api = api
        self._players = players
        self._password = password
        self._speed = speed
        self._first_at = min(player.pending[0].at for player in players)
        self._started_at = 0.0
        self._login_allowed_at = 0.0
        """Registrations and logins are limited per address, so a 429 applies to all players."""

    def register(self, concurrency: int) -> None:
        """Register every player in the order of their first events; raises ReplayFailed."""
        Scheduler(self._players, _next_row, self.register_step).run(concurrency)

    def play(self, concurrency: int) -> None:
        """Play every event of the registered players; raises ReplayFailed."""
        self._started_at = time.monotonic()
        Scheduler(self._players, _next_row, self.play_step).run(concurrency)

    def register_step(self, player: Player) -> float | None:
        """Make the player's next request until it has a session.

        Returns when the next step is due, in time.monotonic() seconds, or None if there is none.
        """
        if player.session is None:
            return self._log_in(player)
        player.retry_policy.reset()
        self.tally.player_registered()
        return None

    def play_step(self, player: Player) -> float | None:
        """Make the player's next request until all its events are played.

        Returns when the next step is due, in time.monotonic() seconds, or None if there is none.
        """
        if not player.pending:
            return None
        now = time.monotonic()
        due = self._due(player)
        if due > now:
            return due
        if player.session is None:
            return self._log_in(player)
        if player.session.renew_at <= now:
            return self._renew_session(player, player.session)
        if player.action_token is None:
            return self._request_token(player, player.session)
        return self._increment(player, player.session, player.action_token)

    def _due(self, player: Player) -> float:
        if self._speed == 0:
            return 0.0
        return self._started_at + (player.pending[0].at - self._first_at) / self._speed

    def _log_in(self, player: Player) -> float:
        if self._login_allowed_at > time.monotonic():
            return self._login_allowed_at
        body = {"username": player.username, "password": self._password}
        if player.registered:
            reply = self._api.post("/auth/login", body)
        else:
            reply = self._api.post("/auth/register", {**body, "displayName": player.name})
        self.tally.add_reply(player.name, reply)
        if reply.status in {_OK, _CREATED}:
            player.registered = True
            player.user_id = reply.body["userId"]
            player.session = Session.from_reply(reply)
            return time.monotonic()
        if reply.status == _CONFLICT and player.maybe_registered:
            # The suffix of the username is unique to this run, so the lost reply was a 201.
            player.registered = True
            return time.monotonic()
        if not player.registered and reply.status != TOO_MANY_REQUESTS and not reply.uncertain:
            raise ReplayFailed(f"{player.name}: the server refused the registration: {reply}")
        player.maybe_registered = player.maybe_registered or reply.uncertain
        due = self._retry_at(player, reply)
        if reply.status == TOO_MANY_REQUESTS:
            self._login_allowed_at = due
        return due

    def _renew_session(self, player: Player, session: Session) -> float:
        reply = self._api.post("/auth/refresh", {"refreshToken": session.refresh_token})
        self.tally.add_reply(player.name, reply)
        if reply.status == _OK:
            player.session = Session.from_reply(reply)
            return time.monotonic()
        if reply.status == _UNAUTHORIZED or reply.uncertain:
            # A refresh token that is used twice ends the session, so a new login is needed also
            # if the reply was lost.
            player.session = None
            return self._retry_at_after_failure(player, reply)
        return self._retry_at(player, reply)

    def _request_token(self, player: Player, session: Session) -> float:
        allowed_at = self._allowed_at(player, player.token_attempts)
        if allowed_at > time.monotonic():
            return allowed_at
        requested_at = time.monotonic()
        reply = self._act(player, session, player.token_attempts, "/actions/token", {})
        if reply.status != _OK:
            return self._handle_refusal(player, reply)
        expires_at = requested_at + reply.body["expiresIn"]
        player.action_token = ActionToken(reply.body["actionToken"], expires_at)
        return time.monotonic()

    def _increment(self, player: Player, session: Session, token: ActionToken) -> float:
        allowed_at = self._allowed_at(player, player.increment_attempts)
        if allowed_at > time.monotonic():
            return allowed_at
        body = {"actionToken": token.text}
        reply = self._act(player, session, player.increment_attempts, "/scores/increment", body)
        if reply.status == _OK or reply.code == "TOKEN_USED":
            return self._point_counted(player, reply)
        if reply.code == "TOKEN_EXPIRED":
            # The point was not counted and can't be counted with this token any more.
            player.action_token = None
            return self._retry_at_after_failure(player, reply)
        if reply.code == "TOKEN_INVALID":
            # Redis may have lost the token. If the point may have been counted, only the same token
            # can tell, so it is kept until it has expired.
            if not token.maybe_counted:
                player.action_token = None
            return self._retry_at_after_failure(player, reply)
        token.maybe_counted = token.maybe_counted or reply.uncertain
        due = self._handle_refusal(player, reply)
        if not token.maybe_counted and due > token.expires_at - MIN_TOKEN_LIFE_SECONDS:
            player.action_token = None
        return due

    def _point_counted(self, player: Player, reply: Reply) -> float:
        details = reply.body.get("details") or {}
        self.tally.point_counted(reply.body.get("boardVersion") or details.get("boardVersion"))
        player.retry_policy.reset()
        player.action_token = None
        player.pending[0].points -= 1
        if player.pending[0].points == 0:
            player.pending.popleft()
        return time.monotonic()

    def _act(
        self,
        player: Player,
        session: Session,
        attempts: RecentAttempts,
        path: str,
        body: dict[str, str],
    ) -> Reply:
        attempts.add(time.monotonic())
        reply = self._api.post(path, body, session.access_token)
        self.tally.add_reply(player.name, reply)
        return reply

    def _allowed_at(self, player: Player, attempts: RecentAttempts) -> float:
        slow = bool(self.tally.flagged) or time.monotonic() < player.slow_until
        return attempts.next_slow_attempt() if slow else 0.0

    def _handle_refusal(self, player: Player, reply: Reply) -> float:
        """When to retry after a refused action; raises ReplayFailed on a 403."""
        if reply.status == _UNAUTHORIZED and player.session is not None:
            player.session.renew_at = 0.0
            return self._retry_at_after_failure(player, reply)
        if reply.status == _FORBIDDEN:
            raise ReplayFailed(
                f"{player.name}: the server replied {reply}. The fraud rule took the replay for "
                "cheating: its limits are above FRAUD_RAPID_MAX, which must be raised with them"
            )
        return self._retry_at(player, reply)

    def _retry_at(self, player: Player, reply: Reply) -> float:
        return self._slow_after(player, player.retry_policy.delay_after(reply))

    def _retry_at_after_failure(self, player: Player, reply: Reply) -> float:
        return self._slow_after(player, player.retry_policy.delay_after_failure(reply))

    def _slow_after(self, player: Player, delay_seconds: float) -> float:
        """Slow the player down for a window after a retry; returns when the retry is due."""
        due = time.monotonic() + delay_seconds
        player.slow_until = due + SLOW_WINDOW_SECONDS
        return due


def _next_row(player: Player) -> int:
    return player.pending[0].row if player.pending else 0
