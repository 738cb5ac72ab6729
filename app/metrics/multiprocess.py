"""The directory in which all workers of one gunicorn master count, so that each can show the sums.

prometheus_client keeps one file per worker there. The master creates the directory, merges the
files of ended workers into one, so that their counts stay, and removes the directory at its end.
docs/decisions/0008-metrics-and-logs.md gives the reasons.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import structlog

PREFIX = "live-scoreboard-metrics-"
_NEW, _READING = "new-", "reading"
_MERGED = "merged"


log = structlog.stdlib.get_logger(__name__)

_shared: SharedMetrics | None = None


class SharedMetrics:
    """The directory of one master; forked workers inherit this object."""

    def __init__(self, parent: Path) -> None:
        _remove_orphans(parent)
        created = Path(tempfile.mkdtemp(prefix=f"{_NEW}{PREFIX}", dir=parent))
        # The master and its workers hold this lock until the last of them has exited, even if it
        # is killed. It also stops systemd-tmpfiles from removing a directory that is days old.
        self._lock = os.open(created, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        # Without a lock, another master would remove a directory with this name as an orphan.
        self.path = created.rename(parent / created.name.removeprefix(_NEW))
        (self.path / _READING).touch()
        self._ended: set[int] = set()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Prevent a merge during the block, whose counts would be read twice or not at all."""
        with (self.path / _READING).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield

    def worker_ended(self, pid: int, living: Collection[int]) -> None:
        """Merge the files of ended workers.

        During a scrape, and if the disk is full, it is done at the next worker's end instead.
        """
        self._ended = (self._ended | {pid}) - set(living)
        try:
            # The master must not wait for a worker, which may be suspended.
            with (self.path / _READING).open("rb") as lock:
                if _try_lock(lock):
                    self._merge_ended()
        except OSError as error:
            log.warning("metrics_not_merged", cause=str(error))

    def remove(self) -> None:
        """Remove the directory when the master ends."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _merge_ended(self) -> None:
        for kind in ("counter", "histogram"):
            files = [self.path / f"{kind}_{pid}.db" for pid in self._ended]
            # A worker that died while it created its file leaves an empty one.
            written = [file for file in files if file.exists() and file.stat().st_size]
            _merge(written, self.path / f"{kind}_{_MERGED}.db")
            # At once: if the next merge fails and is repeated, these must not be counted again.
            for file in files:
                file.unlink(missing_ok=True)
        for pid in self._ended:
            # Gauges are dropped: those of an ended worker say nothing about the present.
            for file in self.path.glob(f"*_{pid}.db"):
                file.unlink()
        self._ended.clear()


def share_metrics() -> SharedMetrics | None:
    """This process's directory: the same at each call, so a reload does not reset the counters.

    None if it can't be created. Then each worker counts in its own memory.
    """
    global _shared  # noqa: PLW0603 - one per process; forked workers inherit it
    if _shared is None:
        try:
            _shared = SharedMetrics(Path(tempfile.gettempdir()))
        except OSError as error:
            log.warning("metrics_not_shared", cause=str(error))
    return _shared


@contextmanager
def reading_metrics() -> Iterator[None]:
    """Prevent a merge during the block, so that the counts of all workers can be summed."""
    if _shared is None:
        yield  # this process counts in its own memory
    else:
        with _shared.reading():
            yield


def are_counts_shared() -> bool:
    """Whether this process counts in a directory, where other processes find its counts."""
    from prometheus_client import values

    return values.ValueClass is not values.MutexValue


def _merge(files: list[Path], target: Path) -> None:
    # Imported here: prometheus_client decides at its import, by an environment variable, whether
    # it counts in files, and gunicorn sets that variable after it has read its configuration.
    from prometheus_client import mmap_dict, multiprocess

    collector: Any = multiprocess.MultiProcessCollector
    make_values: Any = mmap_dict.MmapedDict

    if not files:
        return
    present = [target] if target.exists() else []
    merged = collector.merge([str(f) for f in [*present, *files]], accumulate=False)
    with os.fdopen(os.memfd_create("merged"), "rb") as memory:
        values = make_values(f"/proc/self/fd/{memory.fileno()}")
        for metric in merged:
            for sample in metric.samples:
                names, texts = list(sample.labels), list(sample.labels.values())
                key = mmap_dict.mmap_key(
                    metric.name, sample.name, names, texts, metric.documentation
                )
                values.write_value(key, sample.value, 0.0)
        values.close()
        _replace(target, memory.read())


def _replace(target: Path, content: bytes) -> None:
    """Replace the file, or leave it as it is and raise OSError if the disk is full.

    prometheus_client itself writes to a memory map, and the kernel would then end the process.
    """
    new = target.with_suffix(".new")
    try:
        new.write_bytes(content)
        new.replace(target)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def _remove_orphans(parent: Path) -> None:
    """Remove the directories of masters that were killed."""
    for path in parent.glob(f"{PREFIX}*"):
        # Another user's directory can't be opened and must not be removed.
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                if _try_lock(descriptor):
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)


def _try_lock(file: IO[bytes] | int) -> bool:
    """Lock the file for this process alone; False if another process holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
