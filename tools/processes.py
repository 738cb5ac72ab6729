"""Child processes that lead a session of their own and don't outlive whoever started them."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)  # looked up before a fork, after which little is safe


def signal_me_when_parent_dies(end_signal: signal.Signals) -> None:
    """Have the kernel send `end_signal` to this process when its parent dies, however it dies."""
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, end_signal)


def spawn(
    command: Sequence[str | Path],
    *,
    end_signal: signal.Signals = signal.SIGTERM,
    output: IO[bytes] | int | None = None,
    user: str | None = None,
    environment: Mapping[str, str] | None = None,
    keep_open: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a command that gets `end_signal` when we die, and no Ctrl-C of our terminal.

    output takes both stdout and stderr; user is whom to run as; keep_open are file descriptors
    that the child inherits. Call it from the main thread: Linux takes the end of the thread that
    started a child for the parent's death.
    """
    return subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        env=environment,
        pass_fds=keep_open,
        start_new_session=True,
        # The function makes two system calls and takes no lock, so threads do it no harm.
        preexec_fn=_bound_to(os.getpid(), end_signal),  # noqa: PLW1509
    )


def _bound_to(parent: int, end_signal: signal.Signals) -> Callable[[], None]:
    def bind() -> None:
        # Here, because a change of user clears it; and the parent may be gone by now.
        signal_me_when_parent_dies(end_signal)
        if os.getppid() != parent:
            os._exit(1)

    return bind


def end(process: subprocess.Popen[bytes], *steps: tuple[signal.Signals, float]) -> None:
    """Send each step's signal and wait its seconds for the process to end; then SIGKILL."""
    for step, seconds in steps:
        if process.poll() is not None:
            return
        process.send_signal(step)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return
    kill_tree(process)


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the process and all below it; returns when they have gone."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGSTOP)  # so that no child is born unseen
    doomed = tree(process)
    for each in doomed:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait()
    while not all(ended(each) for each in doomed):
        time.sleep(0.005)


def ended(process: psutil.Process) -> bool:
    """Whether it runs no more; what a slow init hasn't reaped yet counts as ended."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def tree(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The process and all below it, itself first; empty when it has ended."""
    if process.poll() is not None:
        return []
    try:
        root = psutil.Process(process.pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
