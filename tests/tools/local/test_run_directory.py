"""A run waits for the processes of a killed run, and ends them if they don't end on their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.local.run_directory import RunDirectory

_STUBBORN = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGQUIT, signal.SIG_IGN)
print("ready", flush=True)
signal.pause()
"""


@pytest.fixture
def leftover(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of a dead run in the directory; it ignores every signal but SIGKILL."""
    dead = RunDirectory(tmp_path)
    dead.acquire(lambda _first: None)
    assert dead.processes_lock is not None
    assert dead.supervisor_lock is not None
    process = subprocess.Popen(
        [sys.executable, "-c", _STUBBORN],
        pass_fds=(dead.processes_lock,),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    for lock in (dead.processes_lock, dead.supervisor_lock):
        os.close(lock)
    yield process
    process.kill()
    process.wait()


def test_a_process_of_a_dead_run_that_does_not_end_is_killed(
    tmp_path: Path, leftover: subprocess.Popen[str]
) -> None:
    waits: list[bool] = []
    directory = RunDirectory(tmp_path, grace_seconds=0.3)
    directory.acquire(waits.append)
    assert leftover.wait(1) == -signal.SIGKILL
    assert waits[0] is True
    assert not any(waits[1:])
    directory.release()
    assert list(tmp_path.iterdir()) == []


def test_the_wait_for_the_processes_of_a_dead_run_can_be_cancelled(
    tmp_path: Path, leftover: subprocess.Popen[str]
) -> None:
    def cancel(first: bool) -> None:
        if not first:
            raise InterruptedError

    directory = RunDirectory(tmp_path)
    with pytest.raises(InterruptedError):
        directory.acquire(cancel)
    assert leftover.poll() is None
    directory.release()
    assert [path.name for path in tmp_path.iterdir()] == ["processes"]
