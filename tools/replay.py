"""Play an event file through the HTTP API as its players; `--help` explains the options.

Exit status: 0 the board is as expected, 1 it is different or the replay failed, 2 wrong usage,
130 ended by Ctrl-C, 141 the reader closed the pipe.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # If this file is started as a script, the first entry is tools/, which contains no package.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

    from tools.startup import enable_ctrl_c, run, use_virtualenv

    use_virtualenv(Path(__file__).resolve(), needs=("httpx", "rich"))
    enable_ctrl_c()

    from tools.replayer.command import main

    run(lambda: main(sys.argv[1:]))
