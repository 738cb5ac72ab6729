"""Show the board live in a terminal; `--help` says how.

Exit status: 0 ended by Ctrl-C or a closed pipe, 1 the server won't let us watch, 2 usage.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Started as a script the path begins with tools/, which holds no package.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

    from tools.reexec import into_virtualenv

    into_virtualenv(Path(__file__).resolve(), needs=("requests", "rich", "websockets"))

    from tools.watching.command import main

    sys.exit(main(sys.argv[1:]))
