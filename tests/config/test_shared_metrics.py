"""Workers that count in one directory: nothing is lost when one ends, and nothing stays behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from config.shared_metrics import PREFIX, SharedMetrics
from tests.servers import ROOT

# prometheus_client decides when it is imported how it counts, so a worker has to be a process.
WORKER = """
import os
from prometheus_client import Counter, Gauge, Histogram
Counter("points", "Points", ["kind"]).labels("good").inc(3)
times = Histogram("seconds", "Seconds", buckets=(1, 2))
for seconds in (0.5, 1.5, 9):
    times.observe(seconds)
Gauge("now", "What is now", multiprocess_mode="max").set(1)
print(os.getpid())
"""
MASTER = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from config.shared_metrics import SharedMetrics
shared = SharedMetrics(Path(sys.argv[1]))
print(shared.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[SharedMetrics]:
    """A master's directory."""
    made = SharedMetrics(tmp_path)
    yield made
    made.remove()
    assert list(tmp_path.iterdir()) == []


def count_in(shared: SharedMetrics) -> int:
    """A worker that counts and ends; its process id."""
    variables = {"PROMETHEUS_MULTIPROC_DIR": str(shared.path)}
    command = [sys.executable, "-c", WORKER]
    ended = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    return int(ended.stdout)


def counted(shared: SharedMetrics) -> dict[str, float]:
    """Every sample that /metrics would show."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(shared.path))
    return {
        sample.name + "".join(sample.labels.values()): sample.value
        for metric in registry.collect()
        for sample in metric.samples
    }


def files(shared: SharedMetrics) -> set[str]:
    return {path.name for path in shared.path.glob("*.db")}


def test_the_counts_of_ended_workers_stay_and_their_files_do_not(shared: SharedMetrics) -> None:
    for workers in range(1, 4):
        shared.worker_ended(count_in(shared), living=())
        assert files(shared) == {"counter_folded.db", "histogram_folded.db"}
        assert counted(shared) == {
            "points_totalgood": 3 * workers,
            "seconds_bucket1.0": workers,
            "seconds_bucket2.0": 2 * workers,
            "seconds_bucket+Inf": 3 * workers,
            "seconds_count": 3 * workers,
            "seconds_sum": 11 * workers,
        }


def test_a_worker_that_died_before_it_counted_does_no_harm(shared: SharedMetrics) -> None:
    for kind in ("counter", "histogram"):
        (shared.path / f"{kind}_1.db").touch()
    shared.worker_ended(1, living=())
    assert files(shared) == set()


def test_the_files_of_the_living_are_left_alone(shared: SharedMetrics) -> None:
    living, ended = count_in(shared), count_in(shared)
    shared.worker_ended(ended, living={living})
    assert f"counter_{living}.db" in files(shared)
    assert counted(shared)["points_totalgood"] == 6


def test_nothing_is_folded_while_it_is_read_but_at_the_next_end(shared: SharedMetrics) -> None:
    first, second = count_in(shared), count_in(shared)
    with shared.reading():
        before = files(shared)
        shared.worker_ended(first, living={second})
        assert files(shared) == before
    shared.worker_ended(second, living=())
    assert files(shared) == {"counter_folded.db", "histogram_folded.db"}
    assert counted(shared)["points_totalgood"] == 6


def test_a_process_id_that_was_given_again_belongs_to_the_living(shared: SharedMetrics) -> None:
    worker, other = count_in(shared), count_in(shared)
    with shared.reading():
        shared.worker_ended(worker, living=())
    shared.worker_ended(other, living={worker})
    assert f"counter_{worker}.db" in files(shared)


def test_a_killed_masters_directory_is_removed_by_the_next_one_and_a_living_ones_is_not(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", MASTER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as master:
        assert master.stdout
        theirs = Path(master.stdout.readline().decode().strip())
        ours = SharedMetrics(tmp_path)
        assert theirs.exists()
        master.kill()
        master.wait()
    next_one = SharedMetrics(tmp_path)
    assert not theirs.exists()
    assert {path.name for path in tmp_path.glob(f"{PREFIX}*")} == {
        ours.path.name,
        next_one.path.name,
    }


def test_a_directory_that_is_just_being_made_is_no_orphan(tmp_path: Path) -> None:
    begun = tmp_path / f"new-{PREFIX}begun"
    begun.mkdir()
    SharedMetrics(tmp_path)
    assert begun.exists()


def test_the_directory_itself_is_locked_so_that_no_tidying_of_tmp_empties_it(
    shared: SharedMetrics,
) -> None:
    # As systemd-tmpfiles asks: it leaves a directory alone that somebody holds a lock on.
    tidying = subprocess.run(["flock", "--nonblock", shared.path, "true"], check=False)
    assert tidying.returncode == 1
