"""The budget of new viewers: which handshakes it charges, and how addresses share it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from broadcaster.handshake.budget import HandshakeBudget
from broadcaster.viewers.limits import Rate, RateExceeded
from tests.support.broadcaster.harness import BroadcasterHarness, running_broadcaster
from tests.support.servers import DatabaseServer, Stores, redis_server

PER_SECOND = 50
FLOOD = 3 * PER_SECOND


def accepted(rates: dict[str, int], seconds: int = 5) -> Counter[str]:
    """The handshakes of each address in `seconds` that the budget accepts.

    `rates` are the handshakes that an address starts in a second, at even distances.
    """
    budget = HandshakeBudget(Rate(PER_SECOND, PER_SECOND))
    starts = sorted(
        (1000 + number / rate, address)
        for address, rate in rates.items()
        for number in range(rate * seconds)
    )
    counts: Counter[str] = Counter()
    for now, address in starts:
        try:
            budget.charge(address, now)
        except RateExceeded:
            continue
        counts[address] += 1
    return counts


def test_an_address_alone_gets_the_whole_rate() -> None:
    counts = accepted({"192.0.2.1": 10 * PER_SECOND})
    assert 5 * PER_SECOND <= counts["192.0.2.1"] <= 5.5 * PER_SECOND + 1


@pytest.mark.parametrize("flood", [60, 500, 5000])
def test_a_flood_from_one_address_excludes_no_other(flood: int) -> None:
    honest = {f"198.51.100.{number}": 1 for number in range(10)}
    counts = accepted({"192.0.2.1": flood, **honest})
    assert {address: counts[address] for address in honest} == dict.fromkeys(honest, 5)
    # What the others leave is not wasted.
    assert counts["192.0.2.1"] >= 5 * (PER_SECOND - 10) - 1


def test_each_of_two_floods_gets_its_share() -> None:
    counts = accepted({"192.0.2.1": 5000, "192.0.2.2": 500})
    assert min(counts.values()) >= 5 * PER_SECOND // 3
    assert sum(counts.values()) <= 6 * PER_SECOND + 1


@pytest.fixture
def limited(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> Iterator[BroadcasterHarness]:
    """A broadcaster with a small budget, behind one proxy."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        with running_broadcaster(
            stores,
            tmp_path,
            NEW_VIEWERS_PER_SECOND=str(PER_SECOND),
            TRUSTED_PROXY_HOPS="1",
            METRICS_TOKEN="0123456789abcdef",
        ) as broadcaster:
            yield broadcaster


@pytest.mark.slow
def test_handshakes_without_a_valid_token_take_nothing_of_the_budget(
    limited: BroadcasterHarness,
) -> None:
    token = limited.access_token(limited.register_player())
    refused = {
        None: (401, {}),
        "nonsense": (401, {}),
        token[:-4] + "AAAA": (401, {}),
        token: (403, {"Origin": "https://evil.example"}),
    }
    for sent, (status, headers) in refused.items():
        for _ in range(FLOOD // len(refused)):
            reply = limited.request_handshake(sent, **headers)
            assert reply.status_code == status
            if status == 401:
                assert reply.headers["WWW-Authenticate"] == "Bearer"
    series = 'scoreboard_viewer_limit_hits_total{limit="new_viewers_per_second"}'
    assert limited.metric(series) == 0
    assert limited.request_handshake(token).status_code == 101


@pytest.mark.slow
def test_streams_that_one_address_asks_for_keep_no_viewer_of_another_out(
    limited: BroadcasterHarness,
) -> None:
    token = limited.access_token(limited.register_player())

    def ask(_: int) -> int:
        url, address = f"{limited.url}/stream?board=no-such-board", {"X-Forwarded-For": "192.0.2.1"}
        return requests.get(url, headers=address, timeout=10).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = set(pool.map(ask, range(FLOOD)))
    assert 404 in statuses
    assert statuses <= {404, 503}
    reply = limited.request_handshake(token, **{"X-Forwarded-For": "198.51.100.1"})
    assert reply.status_code == 101
