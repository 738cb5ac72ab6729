"""The whole system with Sentinels, also when the master is killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.cluster import flow
from tests.cluster.groups import SentinelGroup
from tests.support.servers import DatabaseServer, Stores
from tests.support.system.harness import SystemHarness

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentinelGroup]:
    with ExitStack() as stack:
        yield SentinelGroup(tmp_path_factory.mktemp("group"), stack)


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, group: SentinelGroup, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    stores = Stores(postgres.create(), group.url)
    with SystemHarness(stores, tmp_path_factory.mktemp("logs")) as running:
        yield running


def test_the_main_flow_works_behind_sentinel(system: SystemHarness) -> None:
    flow.main_flow(system)


def test_a_lost_master_behind_sentinel_costs_no_point_and_no_restart(
    system: SystemHarness, group: SentinelGroup
) -> None:
    flow.lose_a_master(system, group)
