"""Signals that ask a local run to stop."""

from __future__ import annotations

import signal


class StopRequested(Exception):
    """A signal asked for the end."""


class StopRequests:
    """Records Ctrl-C, SIGTERM and the terminal's end instead of interrupting a step that runs."""

    def __init__(self) -> None:
        self.stop = False
        self.hurry = False
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup starts its command with SIGHUP ignored; that has to stay so.
            if signal.getsignal(each) is not signal.SIG_IGN or each is signal.SIGINT:
                signal.signal(each, self._record)

    def _record(self, number: int, _frame: object) -> None:
        # Only a second Ctrl-C counts: SIGTERM may come twice, from make and for the process group.
        self.hurry = self.hurry or (self.stop and number == signal.SIGINT)
        self.stop = True
