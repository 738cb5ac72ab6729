"""Processes whose stderr can't be written serve on, and count the lines that they drop."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.support.api_requests import Api
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness
from tests.support.system.viewer import ViewerClient

pytestmark = pytest.mark.slow

STDERR = {
    "full disk": "2>/dev/full",
    "reader gone": "2> >(exec true)",
    "reader stopped": "2> >(exec sleep 100)",
}
REQUESTS = 500
"""More lines than a pipe holds."""
DROPPED = re.compile(r"^scoreboard_log_lines_dropped_total ([0-9.]+)$", re.MULTILINE)


@pytest.fixture(params=STDERR)
def system(
    request: pytest.FixtureRequest,
    postgres: DatabaseServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SystemHarness]:
    """API and broadcaster with such a stderr."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        wrapper = ["bash", "-c", f'exec "$@" {STDERR[request.param]}', "bash"]
        with SystemHarness(stores, tmp_path_factory.mktemp("logs"), wrapper=wrapper) as system:
            yield system


def dropped_lines(url: str) -> float:
    """The number of dropped lines in a process's metrics."""
    api = Api(url)
    api.get("/metrics")
    found = DROPPED.search(api.get("/metrics").text)
    assert found
    return float(found[1])


def test_requests_and_viewers_are_served_without_a_log(system: SystemHarness) -> None:
    player = system.register()
    broadcaster = f"http://127.0.0.1:{system.broadcaster_port}"
    with ViewerClient(system.websocket_url, player.access_token) as viewer:
        for url in (system.url, broadcaster):
            api = Api(url)
            for _ in range(REQUESTS):
                assert api.get("/health/live").status_code == 200
            assert api.get("/health").status_code == 200
            assert api.get("/nowhere").status_code == 404
        viewer.await_board(player.score_point()["boardVersion"], 5)
    assert dropped_lines(system.url) > 0
    assert dropped_lines(broadcaster) > 0
