"""Event streams through the edge, which passes on each event at once and uncompressed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.deploy.edge import CADDY, edge
from tests.support.broadcaster.event_stream import EventStreamClient
from tests.support.system.harness import SystemHarness, free_ports

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CADDY, reason="Debian's caddy is not installed"),
]


def test_the_edge_passes_on_each_event_at_once(
    running_system: SystemHarness, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    system, player = running_system, running_system.register()
    with (
        edge(port, system.ports[0], system.broadcaster_port, tmp_path) as served,
        closing(EventStreamClient(served.origin, **{"Accept-Encoding": "gzip"})) as client,
    ):
        assert client.reply.headers["Content-Type"].startswith("text/event-stream")
        assert "Content-Encoding" not in client.reply.headers
        client.next()
        version = player.take_the_lead()["boardVersion"]
        while int(client.next().id or 0) < version:
            pass
