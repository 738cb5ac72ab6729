"""`python -m bench.reveal.viewer_process`: viewers of bench.fanout on another board."""

from __future__ import annotations

import gc
import os
import sys

from bench.fanout.viewer_process import ViewerProcess
from tests.support.broadcaster.frames import json_frame


class BoardViewers(ViewerProcess):
    """Viewers that move to another board after they have connected."""

    def watch(self, board: str) -> dict[str, int]:
        """Send the command of each viewer; the boards arrive later."""
        command = json_frame({"type": "watch", "board": board})
        for sock in self._sockets.values():
            sock.sendall(command)
        return {"viewers": len(self._sockets)}


if __name__ == "__main__":
    # A collection would delay the records; nothing here creates cycles.
    gc.disable()
    os.set_blocking(sys.stdin.fileno(), True)
    BoardViewers().serve()
