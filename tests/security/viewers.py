"""Whether viewers can still watch during and after an attack."""

from __future__ import annotations

import json

from websockets.sync.client import connect

from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player


def sees_the_board(system: SystemHarness, player: Player) -> bool:
    """Whether a new viewer is accepted and receives the board within two seconds."""
    headers = {"Authorization": f"Bearer {player.access_token}"}
    with connect(system.websocket_url, additional_headers=headers, open_timeout=10) as ws:
        events = [json.loads(ws.recv(2))["event"] for _ in range(2)]
    return events == ["connected", "leaderboard_update"]
