"""What a killed run left running is waited for, and ended if it doesn't go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import run_directory
from tools.run_directory import RunDirectory

_STUBBORN = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGQUIT, signal.SIG_IGN)
print("ready", flush=True)
signal.pause()
"""


@pytest.fixture
def leftover(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that a dead run left in the directory; it heeds nothing but SIGKILL."""
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


def test_a_process_of_a_dead_run_that_does_not_go_is_killed(
    tmp_path: Path, leftover: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_directory, "_GRACE_SECONDS", 0.3)
    waits: list[bool] = []
    directory = RunDirectory(tmp_path)
    directory.acquire(waits.append)
    assert leftover.wait(1) == -signal.SIGKILL
    assert waits[0] is True
    assert not any(waits[1:])
    directory.release()
    assert list(tmp_path.iterdir()) == []


def test_waiting_for_a_dead_runs_processes_can_be_broken_off(
    tmp_path: Path, leftover: subprocess.Popen[str]
) -> None:
    def give_up(first: bool) -> None:
        if not first:
            raise InterruptedError

    directory = RunDirectory(tmp_path)
    with pytest.raises(InterruptedError):
        directory.acquire(give_up)
    assert leftover.poll() is None
    directory.release()
    assert [path.name for path in tmp_path.iterdir()] == ["processes"]
