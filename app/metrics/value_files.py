"""prometheus_client's files of counts, with disk space that is reserved before it is used.

prometheus_client makes sparse files and writes to them through memory maps. If the disk is full,
the kernel then ends the process (SIGBUS).
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import mmap_dict, values

INITIAL_BYTES = 1 << 16
"""prometheus_client doubles the size of a file when it is full."""
MAX_ENTRY_BYTES = 4096
"""More than the name and the labels of any series have."""

log = structlog.stdlib.get_logger(__name__)


class ValueFile(mmap_dict.MmapedDict):
    """Counts of one process; in its memory only, if the directory can't be written.

    Then no other process can read the counts, and `/metrics` shows too few. Nothing else fails.
    """

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        try:
            _reserve(filename, INITIAL_BYTES)
        except OSError as error:
            with suppress(OSError):
                # An empty file would fail each scrape.
                Path(filename).unlink()
            filename = _memory_file(error)
        super().__init__(filename, read_mode)

    def _init_value(self, key: str) -> None:
        if self._capacity - self._used < MAX_ENTRY_BYTES:
            try:
                _reserve(self._fname, 2 * self._capacity)
            except OSError as error:
                self._move_to(_memory_file(error))
        super()._init_value(key)

    def _move_to(self, filename: str) -> None:
        Path(filename).write_bytes(self._m[:])
        self.close()
        super().__init__(filename)


def reserve_space_for_counts() -> None:
    """Use ValueFile for all counts; call it before the first metric is made."""
    module: Any = values
    module.MmapedDict = ValueFile


def _reserve(filename: str, size: int) -> None:
    descriptor = os.open(filename, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.posix_fallocate(descriptor, 0, size)
    finally:
        os.close(descriptor)


def _memory_file(error: OSError) -> str:
    log.warning("metrics_not_shared", cause=str(error))
    # Stays open, because the file ends with its last descriptor.
    return f"/proc/self/fd/{os.memfd_create('metrics')}"
