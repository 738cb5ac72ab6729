"""The conversation that each case is."""

from __future__ import annotations

import pytest

from tests.broadcaster.autobahn.conversation import Conversation
from tests.support.broadcaster.harness import BroadcasterHarness


@pytest.fixture(scope="module")
def conversation(broadcaster: BroadcasterHarness) -> Conversation:
    """With the shared broadcaster, as one player."""
    token = broadcaster.access_token(broadcaster.register_player())
    return Conversation(broadcaster.port, token)
