"""Fixtures: a cluster for the tests of a pytest worker, which is restored after each test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.cluster.groups import FORMED_SECONDS, Cluster
from tests.support.waiting import await_true


@pytest.fixture(scope="session")
def formed_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(tmp_path_factory.mktemp("cluster"), stack)


@pytest.fixture
def cluster(formed_cluster: Cluster) -> Iterator[Cluster]:
    yield formed_cluster
    formed_cluster.restore()
    await_true(formed_cluster.whole, FORMED_SECONDS)
