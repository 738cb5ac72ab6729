"""The image's HEALTHCHECK: whether the process of this container answers.

`python deploy/alive.py VARIABLE DEFAULT` requests /health/live at the port in the environment
variable VARIABLE. It exits with 0 if the answer is 200, otherwise with 1.
"""

from __future__ import annotations

import http.client
import os
import sys
from http import HTTPStatus

SECONDS = 3


def alive(port: int) -> bool:
    """Whether the process at that local port answers /health/live with 200."""
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
