"""gunicorn's configuration, out of the same settings as everything else."""

from __future__ import annotations

import signal
import sys
from typing import Any


def _forget_old_code() -> None:
    """Have `config` imported anew: after a reload (SIGHUP) it may be newer on disk.

    gunicorn runs this file anew, but what it imports stays as it was in the arbiter, and is
    inherited by workers, whose other modules are new.
    """
    ours = [name for name in sys.modules if name.partition(".")[0] == "config"]
    for name in ours:
        # Its directory has to outlive reloads, or the counts would begin anew.
        if name != "config.shared_metrics":
            del sys.modules[name]


_forget_old_code()
# The arbiter sets its own handlers later; SIGTERM before that is to end in good order too.
if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

from config.arbiter import Server  # noqa: E402 - forgotten first
from config.gunicorn_logger import GunicornLogger  # noqa: E402
from config.processors import freest, one_each  # noqa: E402
from config.settings import InvalidSettings, load_settings  # noqa: E402
from config.shared_metrics import share_metrics  # noqa: E402

CLOSING_SECONDS = 3
"""What a worker may take for its end when the time of its requests is over."""

try:
    settings = load_settings()
except InvalidSettings as problem:
    sys.exit(str(problem))

bind = f"{settings.host}:{settings.port}"
worker_class = "config.worker.Worker"
workers = settings.web_workers
threads = settings.web_threads
graceful_timeout = settings.shutdown_seconds + CLOSING_SECONDS
keepalive = 65
# Each worker makes its own connections, threads and keys, so nothing is shared by a fork.
preload_app = False
# A client's SCRIPT_NAME or PATH_INFO is not believed, not even one on this machine.
forwarder_headers = ""
# Nor its X-Forwarded-Proto: TRUSTED_PROXY_HOPS alone decides whose word counts.
forwarded_allow_ips = ""
# structlog writes the line of each request.
accesslog = None
errorlog = "-"
logger_class = GunicornLogger
loglevel = settings.log_level.lower()
# It is one file a user, which two servers on one machine would fight over.
control_socket_disable = True
# Where prometheus_client is to count, so that any worker can answer for all of them.
raw_env = [f"PROMETHEUS_MULTIPROC_DIR={share_metrics().path}"]


def when_ready(arbiter: Any) -> None:
    """Have the arbiter tell the viewers when it goes."""
    Server.become(arbiter, settings)


def pre_fork(arbiter: Any, worker: Any) -> None:
    """Give the worker what it shares with the others, and the CPU if it is to keep to one."""
    worker.seat = arbiter.connection_counts.seat()
    pinned = settings.web_pinned
    if one_each(settings.web_workers) if pinned is None else pinned:
        worker.processor = freest(each.processor for each in arbiter.WORKERS.values())


def post_fork(_arbiter: Any, _worker: Any) -> None:
    """Let a worker that replaces a dead one find the code of the day, as it does of `app`."""
    _forget_old_code()


def pre_request(_worker: Any, _request: Any) -> None:
    """Say nothing: gunicorn's own hook would log a second line of the request."""


def child_exit(server: Any, worker: Any) -> None:
    """Keep what the worker counted, however it ended, and its place free for another."""
    worker.seat.leave()
    share_metrics().worker_ended(worker.pid, server.WORKERS)


def on_exit(_server: Any) -> None:
    """Leave nothing behind."""
    share_metrics().remove()
