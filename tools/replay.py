"""Play an event file through the HTTP API as its players; `--help` says how.

Exit status: 0 the board holds what was played, 1 it doesn't or the replay failed, 2 usage.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Started as a script the path begins with tools/, which holds no package.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

    from tools.reexec import into_virtualenv

    into_virtualenv(Path(__file__).resolve(), needs=("requests", "rich", "tqdm"))

    from tools.replaying.command import main

    sys.exit(main(sys.argv[1:]))
