"""CPU time by kind of process, of a process and all below it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import psutil


def spent(roots: Mapping[str, int]) -> dict[str, float]:
    """Seconds of CPU that each kind has used so far, user and system, children included."""
    return {kind: _of_tree(psutil.Process(pid)) for kind, pid in roots.items()}


def _of_tree(root: psutil.Process) -> float:
    # What ended children used is in the parent's own account; PostgreSQL's backends come and go.
    first = root.cpu_times()
    spent = first.user + first.system + first.children_user + first.children_system
    for process in root.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent += times.user + times.system
    return float(spent)
