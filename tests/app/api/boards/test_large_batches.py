"""Batches of the largest size over a real connection to the worker."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests

from app.boards.board import BoardSettings
from app.contract.limits import MAX_BATCH_BYTES, MAX_BODY_BYTES
from tests.support.service_acts import OPERATOR, act_id
from tests.support.services import services_in
from tests.support.system.harness import SystemHarness

pytestmark = pytest.mark.slow

BOARD = "large-batches"


@pytest.fixture(scope="module")
def key(running_system: SystemHarness) -> Iterator[str]:
    """A service key for a new board of the running system."""
    with services_in(running_system.environment()) as services:
        services.boards.create(OPERATOR, BoardSettings(BOARD, "Large batches"))
        yield services.service_keys.create(OPERATOR, "judge", [BOARD], None).text


@pytest.mark.parametrize("prefix", ["", "/api"])
@pytest.mark.parametrize("chunked", [False, True])
def test_the_worker_reads_500_acts_and_counts_each_once(
    running_system: SystemHarness, key: str, prefix: str, *, chunked: bool
) -> None:
    user_id = running_system.register().user_id
    act = {"userId": user_id, "board": BOARD, "points": 1, "label": "x" * 100}
    body = json.dumps({"scores": [{"id": act_id(), **act} for _ in range(500)]}).encode()
    assert 4 * MAX_BODY_BYTES < len(body) < MAX_BATCH_BYTES
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    for expected in ("counted", "repeated", "repeated"):
        data = (body[at : at + 4096] for at in range(0, len(body), 4096)) if chunked else body
        url = f"{running_system.url}{prefix}/service/scores"
        reply = requests.post(url, data=data, headers=headers, timeout=20)
        assert reply.status_code == 200, reply.text[:300]
        assert {result["status"] for result in reply.json()["results"]} == {expected}


def test_a_body_over_the_batch_limit_is_too_large(running_system: SystemHarness, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    url = f"{running_system.url}/api/service/scores"
    reply = requests.post(url, data=b" " * (MAX_BATCH_BYTES + 1), headers=headers, timeout=20)
    assert (reply.status_code, reply.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
