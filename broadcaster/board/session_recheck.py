"""Finds sessions that ended while this process received no messages from Redis."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import structlog
from gevent.event import Event

from app.accounts.viewer_authentication import ViewerAuthentication
from app.contract.channels import EndReason, SessionsEnded
from app.contract.errors import (
    AuthInvalid,
    DatabaseUnavailable,
    RedisUnavailable,
    SessionRevoked,
    UserBanned,
)
from app.contract.identity import Identity
from app.contract.limits import Ban
from broadcaster.viewers.hub import Hub

SESSIONS_PER_SECOND = 500
RETRY_SECONDS = 1.0
IDLE_SECONDS = 2.0

log = structlog.stdlib.get_logger(__name__)


class SessionRecheck:
    """Verifies the sessions of all viewers each time it is started, until each was verified."""

    def __init__(self, authentication: ViewerAuthentication, hub: Hub) -> None:
        self._authentication = authentication
        self._hub = hub
        self._unverified: set[Identity] = set()
        self._started = Event()

    def start(self) -> None:
        """Have run() verify the sessions of the viewers that are connected now."""
        self._unverified |= self._hub.identities()
        self._started.set()

    def run(self, progress: Callable[[], None]) -> None:
        """Verify sessions forever; `progress` is called after each, and while there are none."""
        while True:
            self._started.wait(IDLE_SECONDS)
            self._started.clear()
            for identity in tuple(self._unverified):
                gevent.sleep(1 / SESSIONS_PER_SECOND)
                if self._verify(identity):
                    self._unverified.discard(identity)
                progress()
            if self._unverified:
                gevent.sleep(RETRY_SECONDS)
                self._started.set()
            progress()

    def _verify(self, identity: Identity) -> bool:
        """Verify the session and end its viewers if it has ended; False if a store failed."""
        try:
            self._authentication.verify(identity)
        except UserBanned as refusal:
            self._end(identity, "banned", refusal.ban)
        except (SessionRevoked, AuthInvalid):
            self._end(identity, "revoked")
        except (DatabaseUnavailable, RedisUnavailable) as error:
            log.warning("session_not_checked", code=error.code)
            return False
        return True

    def _end(self, identity: Identity, reason: EndReason, ban: Ban | None = None) -> None:
        ended = SessionsEnded(identity.user_id, (identity.session_id,), reason, ban)
        self._hub.end_sessions(ended)
