"""What comes from Redis: changes of the board and the end of sessions (flow 5)."""

from __future__ import annotations

import time

import gevent
import structlog

from app.composition import Services
from app.contract import keys, messages
from app.contract.alerts import AlertKind
from app.contract.errors import (
    AuthInvalid,
    DatabaseUnavailable,
    RedisUnavailable,
    SessionRevoked,
    UserBanned,
)
from app.contract.identity import Identity
from app.contract.messages import ScoreUpdate, ServerShutdown, SessionsEnded
from app.contract.standings import TOP, Board
from app.stores.subscription import Subscription
from broadcaster import frames
from broadcaster.coalescer import Coalescer
from broadcaster.hub import Hub
from broadcaster.metrics import (
    BROADCAST_SECONDS,
    COMMIT_TO_SEND_SECONDS,
    REDIS_MESSAGES,
    REDIS_RECONNECTS,
)
from broadcaster.personal import PersonalLines

SESSION_CHECKS_A_SECOND = 500
READ_WITHIN_SECONDS = 10.0
"""Without a reading of the board for so long somebody is alerted."""

log = structlog.stdlib.get_logger(__name__)


class Feed:
    """Hears of changes, shows boards, and closes viewers whose session ended.

    Redis keeps no message for who is away. So when the subscription stands anew, the board and
    every viewer's session are looked up again.
    """

    def __init__(self, services: Services, hub: Hub, personal_lines: PersonalLines) -> None:
        self._services = services
        self._hub = hub
        self._personal_lines = personal_lines
        self.coalescer = Coalescer(
            self._read_board, self._show_board, services.settings.broadcast_interval_ms / 1000
        )
        self.subscription = Subscription(
            services.pubsub_client,
            handlers={
                keys.SCORE_UPDATE: self._on_score,
                keys.SESSIONS_ENDED: self._on_ended,
                keys.SERVER_SHUTDOWN: self._on_server_shutdown,
            },
            on_renewed=self._on_renewed,
        )
        self._read_at = time.monotonic()
        self._checking: gevent.Greenlet[[], None] | None = None
        self._shown = self._subscribed = False

    def _read_board(self, version: int) -> Board:
        # Nobody else reads the board in this process, and a check that this process's own memory
        # answers finds nothing new.
        self._services.local_board.clear(version)
        try:
            board = self._services.leaderboard.top(limit=TOP, min_version=version)
        except (DatabaseUnavailable, RedisUnavailable) as error:
            if time.monotonic() - self._read_at >= READ_WITHIN_SECONDS:
                self._services.alerts.report(AlertKind.BOARD_NOT_READ, error)
            raise
        self._read_at = time.monotonic()
        return board

    def _show_board(self, board: Board) -> float:
        frame = frames.text(messages.leaderboard_update(board))
        with BROADCAST_SECONDS.time():
            spent = self._hub.broadcast(frame)
        # The first board of a process may be of yesterday, and one that a rebuild made new is of
        # no commit.
        if self._shown and board.version.committed_at:
            delay = time.time() - board.version.committed_at / 1000
            COMMIT_TO_SEND_SECONDS.observe(max(0.0, delay))
        self._shown = True
        return spent

    def _on_score(self, payload: str) -> None:
        REDIS_MESSAGES.labels(keys.SCORE_UPDATE).inc()
        try:
            update = ScoreUpdate.parse(payload)
        except (ValueError, KeyError, TypeError):
            log.warning("message_not_understood", channel=keys.SCORE_UPDATE)
            return
        self.coalescer.hear(update.version)
        self._personal_lines.look()

    def _on_ended(self, payload: str) -> None:
        REDIS_MESSAGES.labels(keys.SESSIONS_ENDED).inc()
        try:
            ended = SessionsEnded.parse(payload)
        except (ValueError, KeyError, TypeError):
            log.warning("message_not_understood", channel=keys.SESSIONS_ENDED)
            return
        self._hub.end_sessions(ended)

    def _on_server_shutdown(self, payload: str) -> None:
        try:
            going = ServerShutdown.parse(payload)
        except (ValueError, KeyError, TypeError):
            log.warning("message_not_understood", channel=keys.SERVER_SHUTDOWN)
            return
        log.info("server_shutdown_heard", instance=going.instance, viewers=len(self._hub))
        # In a greenlet of its own, so that the boards need not wait for it.
        gevent.spawn(self._hub.tell_everyone, frames.text(messages.server_shutdown(going.instance)))

    def _on_renewed(self) -> None:
        if self._subscribed:
            REDIS_RECONNECTS.inc()
        self._subscribed = True
        self.coalescer.look()
        self._personal_lines.look()
        if self._checking is not None:
            self._checking.kill(block=False)
        self._checking = gevent.spawn(self._check_sessions)

    def _check_sessions(self) -> None:
        """Close the viewers of sessions whose end was announced while nobody listened."""
        for identity in {viewer.identity for viewer in self._hub.viewers()}:
            gevent.sleep(1 / SESSION_CHECKS_A_SECOND)
            try:
                self._services.watching.verify(identity)
            except UserBanned:
                self._end(identity, "banned")
            except (SessionRevoked, AuthInvalid):
                self._end(identity, "revoked")
            except (DatabaseUnavailable, RedisUnavailable) as error:
                log.warning("session_not_checked", code=error.code)

    def _end(self, identity: Identity, reason: messages.EndReason) -> None:
        self._hub.end_sessions(SessionsEnded(identity.user_id, (identity.session_id,), reason))
