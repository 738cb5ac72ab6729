"""gunicorn's configuration, out of the same settings as everything else."""

from __future__ import annotations

import sys
from typing import Any

from config.settings import InvalidSettings, load_settings

try:
    settings = load_settings()
except InvalidSettings as problem:
    sys.exit(str(problem))

bind = f"{settings.host}:{settings.port}"
worker_class = "gthread"
workers = settings.web_workers
threads = settings.web_threads
graceful_timeout = settings.shutdown_seconds
keepalive = 65
# Each worker makes its own connections, threads and keys, so nothing is shared by a fork.
preload_app = False
# A client's SCRIPT_NAME or PATH_INFO is not believed, not even one on this machine.
forwarder_headers = ""
# structlog writes the line of each request.
accesslog = None
errorlog = "-"
loglevel = settings.log_level.lower()
# It is one file a user, which two servers on one machine would fight over.
control_socket_disable = True


def post_worker_init(_worker: Any) -> None:
    """Start the threads beside the requests, in each worker and in nothing else."""
    # Imported here, since what the arbiter has imported stays old when it reloads its workers.
    from app.background import Background
    from wsgi import services

    Background(services).start()
