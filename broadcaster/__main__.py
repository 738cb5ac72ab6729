"""`python -m broadcaster`: runs one broadcaster process until SIGTERM."""

import signal
import sys

# Until the process has something to shut down.
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: sys.exit(0))

from gevent import monkey  # noqa: E402

monkey.patch_all()

# All other imports have to be patched.
from app.concurrency.garbage_collection import making_permanent_objects  # noqa: E402

with making_permanent_objects():
    from broadcaster.process import main

if __name__ == "__main__":
    sys.exit(main())
