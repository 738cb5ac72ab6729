"""How a tool starts and ends: the repository's .venv, Ctrl-C, and output that can't be written."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn, TextIO

USAGE_ERROR = 2
SYSTEM_ERROR = 1
READER_GONE = 141
"""The exit status that shells report for a process that SIGPIPE ended."""
_VIRTUALENV = Path(__file__).resolve().parents[1] / ".venv"


def use_virtualenv(script: Path, needs: Sequence[str]) -> None:
    """Run `script` again with the Python of the repository's .venv, unless it already runs there.

    Without a .venv, any Python that has the packages in `needs` is good enough. Otherwise the
    process ends with a message that says what to do.
    """
    python = _VIRTUALENV / "bin" / "python"
    if Path(sys.prefix).resolve() != _VIRTUALENV.resolve() and python.exists():
        os.execv(python, [str(python), str(script), *sys.argv[1:]])  # noqa: S606 - no shell wanted
    if any(find_spec(package) is None for package in needs):
        print(
            f"{script.name} needs what `make run` installs: run `make run` first", file=sys.stderr
        )
        sys.exit(USAGE_ERROR)


def enable_ctrl_c() -> None:
    """Raise KeyboardInterrupt on SIGINT, also if the parent process had it ignored.

    A shell script starts background commands with SIGINT ignored, and Python leaves it so.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def run(main: Callable[[], int]) -> NoReturn:
    """Exit with the status of `main`, whatever stdout and stderr are.

    Characters that the encoding of stdout lacks are written as escapes. If the reader of the output
    has closed the pipe, the process ends with READER_GONE and without a message. Another error of
    the system, such as a full disk, is one line on stderr.
    """
    _make_writable()
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:
        status = READER_GONE
        discard_output()
    except OSError as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        status = SYSTEM_ERROR
        discard_output()
    sys.exit(status)


def _make_writable() -> None:
    # A process that was started without stdout or stderr has None there.
    sys.stdout = sys.stdout or _open_null()
    sys.stderr = sys.stderr or _open_null()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def discard_output() -> None:
    """Send the rest to the null device: Python flushes at exit, which would fail with a message."""
    null = _open_null()
    for stream in (sys.stdout, sys.stderr):
        os.dup2(null.fileno(), stream.fileno())


def _open_null() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")
