"""The whole system on a Redis Cluster of three masters: one is killed, all are frozen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.cluster import flow
from tests.cluster.groups import Cluster
from tests.support.servers import DatabaseServer, Stores
from tests.support.system.harness import SystemHarness
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, formed_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    stores = Stores(postgres.create(), formed_cluster.url)
    with SystemHarness(stores, tmp_path_factory.mktemp("logs")) as running:
        yield running


def test_the_main_flow_works_on_a_cluster(system: SystemHarness, cluster: Cluster) -> None:
    flow.main_flow(system)


def test_a_lost_master_of_a_cluster_costs_no_point_and_no_restart(
    system: SystemHarness, cluster: Cluster
) -> None:
    flow.lose_a_master(system, cluster)


def test_while_every_node_is_frozen_every_request_is_answered_within_two_seconds(
    system: SystemHarness, cluster: Cluster
) -> None:
    player = system.register()
    player.score_point()
    token = player.ask_token()
    headers = {"Authorization": f"Bearer {player.access_token}"}

    def timed(method: str, path: str, body: object = None) -> tuple[int, float]:
        begun = time.monotonic()
        url = f"{system.url}/api{path}"
        reply = requests.request(method, url, json=body, headers=headers, timeout=10)
        return reply.status_code, time.monotonic() - begun

    calls = [
        ("GET", "/users/me"),
        ("GET", "/leaderboard"),
        ("GET", "/leaderboard/around-me"),
        ("POST", "/actions/token"),
        ("POST", "/scores/increment", {"actionToken": token}),
        ("POST", "/auth/login", {"username": player.username, "password": "correct horse battery"}),
        ("GET", "/health"),
    ]
    for node in cluster.nodes:
        node.pause()
    try:
        with ThreadPoolExecutor(len(calls)) as pool:
            answers = list(pool.map(lambda call: timed(*call), calls))
    finally:
        cluster.restore()
    assert [status for status, _ in answers] == [200, 200, 200, 503, 503, 503, 503]
    assert max(seconds for _, seconds in answers) < flow.PROMISED_SECONDS
    await_true(lambda: player.spend(token).status_code == 200, flow.RECOVERY_SECONDS)
