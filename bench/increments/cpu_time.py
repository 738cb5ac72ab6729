"""The CPU time of servers, each with all its child processes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import psutil


def cpu_seconds(roots: Mapping[str, int]) -> dict[str, float]:
    """The seconds of CPU (user and system) that each server has used so far."""
    return {kind: _of_tree(psutil.Process(pid)) for kind, pid in roots.items()}


def _of_tree(root: psutil.Process) -> float:
    # The parent's account includes ended children; PostgreSQL's backends end during a load.
    first = root.cpu_times()
    seconds = first.user + first.system + first.children_user + first.children_system
    for process in root.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds += times.user + times.system
    return float(seconds)
