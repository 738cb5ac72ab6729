"""/metrics of an API with several workers: every worker shows the same counts, and none is lost."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests

from app.metrics.multiprocess import PREFIX
from tests.support.api_harness import ApiHarness
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness, await_health
from tests.support.waiting import await_true
from tools.local.processes import end

pytestmark = pytest.mark.slow
WORKERS = 2
INCREMENTS = "scoreboard_increments_total"
REQUESTS = (
    "scoreboard_http_request_duration_seconds_count"
    '{method="POST",route="/api/scores/increment",status="200"}'
)


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """An API of two workers with a metrics directory of its own."""
    folder = tmp_path_factory.mktemp("api")
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        variables = {"WEB_WORKERS": str(WORKERS), "TMPDIR": str(folder)}
        with ApiHarness(stores, folder, variables=variables) as running:
            await_true(lambda: len(workers(running)) == WORKERS, 20)
            yield running


def master(system: SystemHarness) -> subprocess.Popen[bytes]:
    return system.web[-1]


def workers(system: SystemHarness) -> set[int]:
    """Process ids of the workers that answer requests."""
    return {child.pid for child in psutil.Process(master(system).pid).children()}


def score(system: SystemHarness, points: int = 12) -> None:
    """Score points from several clients at once, so that several workers count."""
    player = system.register()
    tokens = [player.ask_token() for _ in range(points)]
    with ThreadPoolExecutor(4) as clients:
        replies = list(clients.map(player.spend, tokens))
    assert all(reply.ok for reply in replies)


def shown(system: SystemHarness, name: str) -> set[float]:
    """The values of the series, asked often enough that several workers answer."""

    def ask(_turn: int) -> float:
        reply = requests.get(f"{system.url}/metrics", timeout=10)
        assert reply.ok, reply.text
        found = re.search(rf"^{re.escape(name)} (\S+)$", reply.text, re.M)
        return float(found[1]) if found else 0.0

    with ThreadPoolExecutor(4) as clients:
        return set(clients.map(ask, range(16)))


def counting_files(system: SystemHarness) -> set[str]:
    (folder,) = folders(system)
    return {path.name for path in folder.glob("counter_*.db")}


def living_files(system: SystemHarness) -> set[str]:
    """One file per living worker and one for all others, so the number of files stays bounded."""
    return {f"counter_{pid}.db" for pid in workers(system)} | {"counter_merged.db"}


def folders(system: SystemHarness) -> list[Path]:
    return list(Path(system.environment()["TMPDIR"]).glob(f"{PREFIX}*"))


def kill_a_worker(system: SystemHarness) -> None:
    before = workers(system)
    os.kill(min(before), signal.SIGKILL)
    await_true(lambda: len(workers(system) - before) == 1, 20)


def reload(system: SystemHarness) -> None:
    before = workers(system)
    master(system).send_signal(signal.SIGHUP)
    await_true(lambda: len(workers(system)) == WORKERS and not workers(system) & before, 40)


@pytest.mark.parametrize("change", [kill_a_worker, reload])
def test_a_killed_worker_and_a_reload_change_no_count(
    system: SystemHarness, change: Callable[[SystemHarness], None]
) -> None:
    score(system)
    (before,) = shown(system, INCREMENTS)
    change(system)
    # The master does not merge counts during a scrape.
    await_true(lambda: counting_files(system) <= living_files(system), 20)
    await_health(system.url)
    assert shown(system, INCREMENTS) == {before}
    score(system)
    assert shown(system, INCREMENTS) == shown(system, REQUESTS) == {before + 12}
    assert counting_files(system) <= living_files(system)


def test_a_worker_that_is_creating_its_file_does_not_break_a_scrape(system: SystemHarness) -> None:
    (folder,) = folders(system)
    unfinished = folder / "counter_0.db"
    unfinished.touch()
    with ThreadPoolExecutor(1) as clients:
        asked = clients.submit(requests.get, f"{system.url}/metrics", timeout=10)
        # Long enough for the request to arrive, and shorter than the scrape waits.
        time.sleep(0.1)
        os.truncate(unfinished, 65536)
        assert asked.result().ok
    unfinished.unlink()


def test_a_new_master_counts_from_zero_and_the_old_directory_is_removed(
    system: SystemHarness,
) -> None:
    score(system)
    (first,) = folders(system)
    end(master(system), (signal.SIGTERM, 40))
    assert folders(system) == []
    system.start_web(system.ports[0])
    await_health(system.url)
    assert shown(system, INCREMENTS) == {0}
    (second,) = folders(system)
    assert second != first


def test_a_new_master_removes_the_counts_of_a_killed_one(
    system: SystemHarness,
) -> None:
    score(system)
    orphans = [psutil.Process(pid) for pid in workers(system)]
    (first,) = folders(system)
    master(system).kill()
    master(system).wait()
    # The workers notice it within seconds. Until then they hold the port and the lock.
    psutil.wait_procs(orphans, timeout=40)
    system.start_web(system.ports[0])
    await_health(system.url)
    assert shown(system, INCREMENTS) == {0}
    assert len(folders(system)) == 1
    assert first not in folders(system)
