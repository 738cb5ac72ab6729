"""Workers that count in one directory: no count is lost when a worker ends, and no file is left."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from app.metrics.multiprocess import PREFIX, SharedMetrics
from tests.support.servers import ROOT

pytestmark = pytest.mark.slow

# prometheus_client decides at its import how it counts, so each worker must be a process.
WORKER = """
import os
from prometheus_client import Counter, Gauge, Histogram
Counter("points", "Points", ["kind"]).labels("good").inc(3)
times = Histogram("seconds", "Seconds", buckets=(1, 2))
for seconds in (0.5, 1.5, 9):
    times.observe(seconds)
Gauge("now", "The present", multiprocess_mode="max").set(1)
print(os.getpid())
"""
MASTER = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from app.metrics.multiprocess import SharedMetrics
shared = SharedMetrics(Path(sys.argv[1]))
print(shared.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[SharedMetrics]:
    """A master's directory."""
    created = SharedMetrics(tmp_path)
    yield created
    created.remove()
    assert list(tmp_path.iterdir()) == []


def count_in(shared: SharedMetrics) -> int:
    """Run a worker that counts and exits; returns its process id."""
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
        assert files(shared) == {"counter_merged.db", "histogram_merged.db"}
        assert counted(shared) == {
            "points_totalgood": 3 * workers,
            "seconds_bucket1.0": workers,
            "seconds_bucket2.0": 2 * workers,
            "seconds_bucket+Inf": 3 * workers,
            "seconds_count": 3 * workers,
            "seconds_sum": 11 * workers,
        }


def test_the_empty_file_of_a_worker_that_died_at_its_start_is_removed(
    shared: SharedMetrics,
) -> None:
    for kind in ("counter", "histogram"):
        (shared.path / f"{kind}_1.db").touch()
    shared.worker_ended(1, living=())
    assert files(shared) == set()


def test_the_files_of_living_workers_are_not_merged(shared: SharedMetrics) -> None:
    living, ended = count_in(shared), count_in(shared)
    shared.worker_ended(ended, living={living})
    assert f"counter_{living}.db" in files(shared)
    assert counted(shared)["points_totalgood"] == 6


def test_a_merge_during_a_scrape_is_delayed_until_the_next_worker_ends(
    shared: SharedMetrics,
) -> None:
    first, second = count_in(shared), count_in(shared)
    with shared.reading():
        before = files(shared)
        shared.worker_ended(first, living={second})
        assert files(shared) == before
    shared.worker_ended(second, living=())
    assert files(shared) == {"counter_merged.db", "histogram_merged.db"}
    assert counted(shared)["points_totalgood"] == 6


def test_a_reused_process_id_belongs_to_the_living_worker(shared: SharedMetrics) -> None:
    worker, other = count_in(shared), count_in(shared)
    with shared.reading():
        shared.worker_ended(worker, living=())
    shared.worker_ended(other, living={worker})
    assert f"counter_{worker}.db" in files(shared)


def test_a_new_master_removes_the_directory_of_a_killed_one_but_not_of_a_living_one(
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


def test_a_directory_that_another_master_is_creating_is_not_removed(tmp_path: Path) -> None:
    unfinished = tmp_path / f"new-{PREFIX}unfinished"
    unfinished.mkdir()
    SharedMetrics(tmp_path)
    assert unfinished.exists()


def test_the_directory_is_locked_so_that_systemd_tmpfiles_does_not_empty_it(
    shared: SharedMetrics,
) -> None:
    # systemd-tmpfiles skips a directory that another process has locked, and tests it like this.
    locking = subprocess.run(["flock", "--nonblock", shared.path, "true"], check=False)
    assert locking.returncode == 1


def test_a_merge_that_fails_in_the_middle_is_repeated_without_counting_twice(
    shared: SharedMetrics,
) -> None:
    first, second = count_in(shared), count_in(shared)
    write_bytes = Path.write_bytes

    def write(path: Path, content: bytes) -> int:
        if path.name == "histogram_merged.new":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(path, content)

    with patch.object(Path, "write_bytes", write):
        shared.worker_ended(first, living={second})
    assert counted(shared)["points_totalgood"] == 6
    assert counted(shared)["seconds_count"] == 6
    shared.worker_ended(second, living=())
    assert files(shared) == {"counter_merged.db", "histogram_merged.db"}
    assert counted(shared)["points_totalgood"] == 6
    assert counted(shared)["seconds_count"] == 6
