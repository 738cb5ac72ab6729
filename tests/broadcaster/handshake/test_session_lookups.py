"""Session look-ups of several handshakes at the same time."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import gevent
import pytest

from app.accounts.sessions import SessionVerification
from app.contract.errors import RedisUnavailable
from app.contract.identity import Identity
from broadcaster.handshake.session_lookups import BatchedSessionLookups

pytestmark = pytest.mark.slow

IDENTITY = Identity("user", "session", "token", 0)


class BrokenSessions:
    """Sessions whose look-up fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read_cached(self, _identities: list[Identity]) -> None:
        raise self._error


@pytest.mark.parametrize("make_error", [RedisUnavailable, lambda: ValueError("unforeseen")])
def test_every_handshake_of_a_batch_gets_the_error_of_its_look_up(
    make_error: Callable[[], Exception],
) -> None:
    error = make_error()
    lookups = BatchedSessionLookups(cast("SessionVerification", BrokenSessions(error)))
    handshakes = [gevent.spawn(lookups.verify, IDENTITY) for _ in range(3)]
    ended = gevent.joinall(handshakes, timeout=5)
    assert len(ended) == 3
    assert all(type(handshake.exception) is type(error) for handshake in handshakes)
