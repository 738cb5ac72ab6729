"""`python -m broadcaster`: one broadcaster process, until SIGTERM."""

import signal
import sys

# Until there is something to shut down.
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: sys.exit(0))

from gevent import monkey  # noqa: E402

monkey.patch_all()

from broadcaster.process import main  # noqa: E402 - everything else has to be imported patched

if __name__ == "__main__":
    sys.exit(main())
