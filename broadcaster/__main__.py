"""`python -m broadcaster`: one broadcaster process, until SIGTERM."""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402 - everything else has to be imported patched

from broadcaster.process import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
