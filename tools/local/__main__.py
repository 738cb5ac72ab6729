"""`python -m tools.local`: run the whole system on this machine."""

import sys

from tools.local.run import main

if __name__ == "__main__":
    sys.exit(main())
