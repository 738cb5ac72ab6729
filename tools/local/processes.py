"""Child processes that lead their own session and don't outlive the process that started them."""

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
_LIBC = ctypes.CDLL(None)  # loaded here, because loading between fork and exec is not safe


def signal_on_parent_death(end_signal: signal.Signals) -> None:
    """Have the kernel send `end_signal` to this process when its parent dies, also by SIGKILL."""
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
    """Start a command that gets `end_signal` when this process dies, but no Ctrl-C of the terminal.

    `output` receives both stdout and stderr. The command runs as `user` and inherits the file
    descriptors `keep_open`. Call this from the main thread: Linux treats the end of the thread
    that started a child as the death of its parent.
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
        # Safe beside threads: the function makes two system calls and takes no lock.
        preexec_fn=_bound_to(os.getpid(), end_signal),  # noqa: PLW1509
    )


def _bound_to(parent: int, end_signal: signal.Signals) -> Callable[[], None]:
    def bind() -> None:
        # After the change of user, which clears this request. The parent may have died before it.
        signal_on_parent_death(end_signal)
        if os.getppid() != parent:
            os._exit(1)

    return bind


def end(process: subprocess.Popen[bytes], *steps: tuple[signal.Signals, float]) -> None:
    """Send each step's signal and wait its seconds for the process to end; at last SIGKILL."""
    for step, seconds in steps:
        if process.poll() is not None:
            return
        process.send_signal(step)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return
    kill_tree(process)


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Send SIGKILL to the process and its descendants; return when all have ended."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGSTOP)  # so that it starts no child after the list is made
    processes = tree(process)
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait()
    while not all(ended(each) for each in processes):
        time.sleep(0.005)


def ended(process: psutil.Process) -> bool:
    """Whether it has ended; a zombie that init hasn't reaped yet counts as ended."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def tree(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The process and its descendants, itself first; empty if it has ended."""
    if process.poll() is not None:
        return []
    try:
        root = psutil.Process(process.pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
