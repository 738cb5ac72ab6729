"""`python -m broadcaster`: runs one broadcaster process until SIGTERM."""

import signal
import sys

# Until the process has something to shut down.
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: sys.exit(0))

from gevent import monkey  # noqa: E402

monkey.patch_all()

from broadcaster.process import main  # noqa: E402 - all other imports have to be patched

if __name__ == "__main__":
    sys.exit(main())
