"""One directory in which a gunicorn master's workers count together; any of them can show it all.

prometheus_client keeps a file a worker there. The master makes the directory, folds the files of
workers that ended into one, so that their counts stay and their files don't, and removes it at the
end. docs/decisions/0008-metrics-and-logs.md says why it is done so.
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

PREFIX = "live-scoreboard-metrics-"
_NEW, _READING = "new-", "reading"
_FOLDED = "folded"


_shared: SharedMetrics | None = None


class SharedMetrics:
    """The directory of one master; its workers inherit this object when they are forked."""

    def __init__(self, parent: Path) -> None:
        _remove_orphans(parent)
        made = Path(tempfile.mkdtemp(prefix=f"{_NEW}{PREFIX}", dir=parent))
        # Held by the master and its workers until the last of them is gone, however it goes. It
        # also keeps systemd-tmpfiles from tidying up what was not touched for days.
        self._owned = os.open(made, os.O_RDONLY)
        fcntl.flock(self._owned, fcntl.LOCK_EX)
        # Only now does it have the name by which another master would take it for an orphan.
        self.path = made.rename(parent / made.name.removeprefix(_NEW))
        (self.path / _READING).touch()
        self._ended: set[int] = set()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """While the block runs nothing is folded, or it would be counted twice or not at all."""
        with (self.path / _READING).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield

    def worker_ended(self, pid: int, living: Collection[int]) -> None:
        """Fold the files of ended workers into one; what is being read waits for the next end."""
        self._ended = (self._ended | {pid}) - set(living)
        # The master must not wait for a worker, which may be stopped.
        with (self.path / _READING).open("rb") as lock:
            if _locked(lock):
                self._fold()

    def remove(self) -> None:
        """Remove the directory; the counts end with their master."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _fold(self) -> None:
        for kind in ("counter", "histogram"):
            files = [self.path / f"{kind}_{pid}.db" for pid in self._ended]
            # Empty is that of a worker that died in the moment of its making.
            begun = [file for file in files if file.exists() and file.stat().st_size]
            _merge(begun, self.path / f"{kind}_{_FOLDED}.db")
        for pid in self._ended:
            # No gauge of an ended worker says what is now.
            for file in self.path.glob(f"*_{pid}.db"):
                file.unlink()
        self._ended.clear()


def share_metrics() -> SharedMetrics:
    """This process's directory: the same on each call, so that a reload goes on counting."""
    global _shared  # noqa: PLW0603 - one a process, which forked workers inherit
    if _shared is None:
        _shared = SharedMetrics(Path(tempfile.gettempdir()))
    return _shared


@contextmanager
def reading_metrics() -> Iterator[None]:
    """While the block runs the counts of all workers stand still enough to be added up."""
    if _shared is None:
        yield  # a process that counts alone
    else:
        with _shared.reading():
            yield


def _merge(files: list[Path], target: Path) -> None:
    # Imported here: which kind of value prometheus_client makes, it decides once, when imported,
    # by a variable that gunicorn sets after it has read its configuration.
    from prometheus_client import mmap_dict, multiprocess

    collector: Any = multiprocess.MultiProcessCollector
    make_values: Any = mmap_dict.MmapedDict

    if not files:
        return
    present = [target] if target.exists() else []
    merged = collector.merge([str(f) for f in [*present, *files]], accumulate=False)
    new = target.with_suffix(".new")
    new.unlink(missing_ok=True)
    values = make_values(str(new))
    for metric in merged:
        for sample in metric.samples:
            names, texts = list(sample.labels), list(sample.labels.values())
            key = mmap_dict.mmap_key(metric.name, sample.name, names, texts, metric.documentation)
            values.write_value(key, sample.value, 0.0)
    values.close()
    new.replace(target)


def _remove_orphans(parent: Path) -> None:
    """Remove the directories of masters that had no time to."""
    for path in parent.glob(f"{PREFIX}*"):
        # Another user's directory can't be opened or removed, and isn't ours to.
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                if _locked(descriptor):
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)


def _locked(file: IO[bytes] | int) -> bool:
    """Whether it could be locked for this process alone."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
