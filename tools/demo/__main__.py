"""`python -m tools.demo`: play a short event on a system of its own."""

import sys

from tools.demo.run import main

if __name__ == "__main__":
    sys.exit(main())
