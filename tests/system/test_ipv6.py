"""HOST=::, with and without brackets: both processes serve IPv6 and IPv4 clients."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.support.api_requests import Api
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player
from tests.support.system.viewer import ViewerClient

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6"),
]


@pytest.mark.parametrize("host", ["::", "[::]"])
def test_both_processes_serve_clients_of_both_families(
    postgres: DatabaseServer, tmp_path: Path, host: str
) -> None:
    with redis_server(tmp_path / "valkey") as server:
        stores = Stores(postgres.create(), server.url)
        with SystemHarness(stores, tmp_path, variables={"HOST": host}) as system:
            for address in ("127.0.0.1", "[::1]"):
                url = f"http://{address}:{system.ports[0]}"
                websocket = f"ws://{address}:{system.broadcaster_port}/ws"
                player = Player.register(url)
                with ViewerClient(websocket, player.access_token, origin=system.url) as viewer:
                    viewer.await_board(player.score_point()["boardVersion"], 5)
                # Only this machine may read the metrics: the client's address was recognized.
                assert Api(url).get("/metrics").status_code == 200
