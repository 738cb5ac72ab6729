"""/metrics of an API with several workers: right whoever answers, and whoever dies."""

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

from config.shared_metrics import PREFIX
from tests.app.http.web_alone import WebAlone
from tests.awaiting import await_true
from tests.servers import DatabaseServer, Stores, redis_server
from tests.system.running import RunningSystem, await_health
from tools.processes import end

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
) -> Iterator[RunningSystem]:
    """An API of two workers whose directory of metrics is the test's own."""
    folder = tmp_path_factory.mktemp("api")
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        variables = {"WEB_WORKERS": str(WORKERS), "TMPDIR": str(folder)}
        with WebAlone(stores, folder, variables=variables) as running:
            await_true(lambda: len(workers(running)) == WORKERS, 20)
            yield running


def master(system: RunningSystem) -> subprocess.Popen[bytes]:
    return system.web[-1]


def workers(system: RunningSystem) -> set[int]:
    """Process ids of the workers that answer requests."""
    return {child.pid for child in psutil.Process(master(system).pid).children()}


def score(system: RunningSystem, points: int = 12) -> None:
    """Points from several clients at once, so that several workers count."""
    player = system.register()
    tokens = [player.ask_token() for _ in range(points)]
    with ThreadPoolExecutor(4) as clients:
        replies = list(clients.map(player.spend, tokens))
    assert all(reply.ok for reply in replies)


def shown(system: RunningSystem, name: str) -> set[float]:
    """What the series is, asked so often that several workers answer."""

    def ask(_turn: int) -> float:
        reply = requests.get(f"{system.url}/metrics", timeout=10)
        assert reply.ok, reply.text
        found = re.search(rf"^{re.escape(name)} (\S+)$", reply.text, re.M)
        return float(found[1]) if found else 0.0

    with ThreadPoolExecutor(4) as clients:
        return set(clients.map(ask, range(16)))


def counting_files(system: RunningSystem) -> set[str]:
    (folder,) = folders(system)
    return {path.name for path in folder.glob("counter_*.db")}


def folders(system: RunningSystem) -> list[Path]:
    return list(Path(system.environment()["TMPDIR"]).glob(f"{PREFIX}*"))


def kill_a_worker(system: RunningSystem) -> None:
    before = workers(system)
    os.kill(min(before), signal.SIGKILL)
    await_true(lambda: len(workers(system) - before) == 1, 20)


def reload(system: RunningSystem) -> None:
    before = workers(system)
    master(system).send_signal(signal.SIGHUP)
    await_true(lambda: len(workers(system)) == WORKERS and not workers(system) & before, 40)


@pytest.mark.parametrize("change", [kill_a_worker, reload])
def test_a_killed_worker_and_a_reload_change_no_count(
    system: RunningSystem, change: Callable[[RunningSystem], None]
) -> None:
    score(system)
    (before,) = shown(system, INCREMENTS)
    change(system)
    await_health(system.url)
    assert shown(system, INCREMENTS) == {before}
    score(system)
    assert shown(system, INCREMENTS) == shown(system, REQUESTS) == {before + 12}
    # Files of the living and one of all others: they don't become more with each worker.
    alive = {f"counter_{pid}.db" for pid in workers(system)}
    assert counting_files(system) <= alive | {"counter_folded.db"}


def test_a_worker_that_just_makes_its_file_spoils_no_answer(system: RunningSystem) -> None:
    (folder,) = folders(system)
    beginning = folder / "counter_0.db"
    beginning.touch()
    with ThreadPoolExecutor(1) as clients:
        asked = clients.submit(requests.get, f"{system.url}/metrics", timeout=10)
        # Long enough for the question to come, short enough for the answer to wait.
        time.sleep(0.1)
        os.truncate(beginning, 65536)
        assert asked.result().ok
    beginning.unlink()


def test_counts_begin_at_zero_with_a_new_master_and_nothing_is_left_of_the_old(
    system: RunningSystem,
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


def test_a_killed_master_leaves_nothing_that_the_next_one_counts_or_keeps(
    system: RunningSystem,
) -> None:
    score(system)
    orphans = [psutil.Process(pid) for pid in workers(system)]
    (first,) = folders(system)
    master(system).kill()
    master(system).wait()
    # gunicorn's workers notice within seconds; until then they keep the port and their lock.
    psutil.wait_procs(orphans, timeout=40)
    system.start_web(system.ports[0])
    await_health(system.url)
    assert shown(system, INCREMENTS) == {0}
    assert len(folders(system)) == 1
    assert first not in folders(system)
