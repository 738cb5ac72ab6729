"""Show the board live in a terminal; `--help` explains the options.

Exit status: 0 ended by Ctrl-C or because the reader closed the pipe, 1 the server refuses or there
is no board, 2 wrong usage.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # If this file is started as a script, the first entry is tools/, which contains no package.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

    from tools.startup import enable_ctrl_c, run, use_virtualenv

    use_virtualenv(Path(__file__).resolve(), needs=("httpx", "rich", "websockets"))
    enable_ctrl_c()

    from tools.watcher.command import main

    run(lambda: main(sys.argv[1:]))
