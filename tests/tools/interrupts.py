"""How child processes of tests start with regard to Ctrl-C."""

from __future__ import annotations

import signal


def default_ctrl_c() -> None:
    """For Popen's preexec_fn: SIGINT has its default effect, as for a command typed in a terminal.

    A shell starts `make test &` with SIGINT ignored, and all children inherit that.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ignored_ctrl_c() -> None:
    """For Popen's preexec_fn: SIGINT is ignored, as for a command that a script starts with `&`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
