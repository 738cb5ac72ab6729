"""Whether the process of this container answers: the image's HEALTHCHECK.

`python deploy/alive.py VARIABLE DEFAULT` asks /health/live on the port that the environment's
variable names, and exits 0 only when that says 200.
"""

from __future__ import annotations

import http.client
import os
import sys
from http import HTTPStatus

SECONDS = 3


def alive(port: int) -> bool:
    """Whether the process on that port of this machine says that it lives."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    variable, default = sys.argv[1:]
    sys.exit(0 if alive(int(os.environ.get(variable) or default)) else 1)
