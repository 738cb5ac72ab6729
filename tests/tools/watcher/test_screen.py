"""What the terminal shows of the frames that it receives."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from tools.watcher.screen import Screen


def test_a_board_that_was_read_over_http_may_have_no_time() -> None:
    row = {"rank": 1, "userId": "x", "username": "ada", "displayName": "Ada", "score": 7}
    timed = {"version": 1, "updatedAt": "2026-11-24T00:00:00.000Z", "leaderboard": []}
    untimed = {"version": 2, "leaderboard": [row]}
    output = io.StringIO()
    with Screen(Console(file=output, width=80), "here") as screen:
        for board in (timed, untimed):
            frame: dict[str, Any] = {"event": "leaderboard_update", "data": board}
            screen.show_frame(frame)
    shown = output.getvalue()
    assert "Ada" in shown
    assert "live" in shown.splitlines()[-1]
    assert "last change" not in shown
