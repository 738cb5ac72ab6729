"""gunicorn's configuration, made from the settings. gunicorn reads this file by default."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from typing import Any


def _forget_imported_code() -> None:
    """Remove `app` and `config` from sys.modules, because a reload (SIGHUP) may bring newer code.

    gunicorn runs this file again at a reload, but Python would not import the modules again, and
    new workers would inherit the old code. With --preload, all of them share the app that the
    arbiter has imported.
    """
    if "app.factory" in sys.modules:
        return
    imported = [name for name in sys.modules if name.partition(".")[0] in {"app", "config"}]
    for name in imported:
        # It has the directory in which the workers count: a reload must not reset the counters.
        if name != "app.metrics.multiprocess":
            del sys.modules[name]


_forget_imported_code()
# The arbiter installs its handlers later. Until then SIGTERM must also exit with status 0.
if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

from app.concurrency.cpu_affinity import least_used_cpu, one_worker_per_cpu  # noqa: E402
from app.concurrency.descriptors import raise_descriptor_limit  # noqa: E402
from app.metrics.multiprocess import share_metrics  # noqa: E402
from app.network.addresses import authority  # noqa: E402
from app.server.logger import GunicornLogger  # noqa: E402
from config.server_settings import OWN_WORKER  # noqa: E402
from config.settings import InvalidSettings, load_settings  # noqa: E402

CLOSE_SECONDS = 3
"""Time that a worker has to close its connections after the time for its requests has ended."""
MAX_CONNECTIONS = 1000
"""Of one worker. With more, it closes the longest-idle one for each new one."""
MIN_CONNECTIONS = 8
RESERVED_DESCRIPTORS = 64
"""Of each worker, for the listener, metrics, log, background work and the files that it reads."""

STOP_SIGNALS = {signal.SIGTERM, signal.SIGQUIT}
"""A new gthread worker blocks them until it can handle them; ours does so too, by itself."""
GTHREAD_SCORING_THREADS = 16
"""Additional threads of a gthread worker, because each waiting increment needs one."""

try:
    settings = load_settings()
except InvalidSettings as problem:
    sys.exit(str(problem))

OWN = settings.web_worker == OWN_WORKER
"""Whether our worker and arbiter serve, or gunicorn's own."""
if OWN:
    try:
        from app.server.arbiter import Server
        from app.server.gunicorn_replacements import replace_parts_of_gunicorn
    except ImportError as problem:
        if problem.name != "gunicorn":
            raise
        sys.exit(str(problem))

bind = authority(settings.host, settings.port)
worker_class = "app.server.worker.Worker" if OWN else "gthread"
workers = settings.web_workers
threads = settings.web_threads if OWN else settings.web_threads + GTHREAD_SCORING_THREADS
# Workers inherit the limit of descriptors. Each thread may need a connection to PostgreSQL, one to
# its replica and one to Redis.
_reserved = RESERVED_DESCRIPTORS + 3 * threads
worker_connections = max(
    MIN_CONNECTIONS, raise_descriptor_limit(MAX_CONNECTIONS + _reserved) - _reserved
)
graceful_timeout = settings.shutdown_seconds + CLOSE_SECONDS
keepalive = 65
# Each worker makes its own connections, threads and keys; none may be shared through a fork.
preload_app = False
# Never trust a client's SCRIPT_NAME or PATH_INFO, not even from this machine.
forwarder_headers = ""
# Nor its X-Forwarded-Proto: TRUSTED_PROXY_HOPS alone decides which proxies are trusted.
forwarded_allow_ips = ""
# structlog writes one line for each request.
accesslog = None
errorlog = "-"
logger_class = GunicornLogger
loglevel = settings.log_level.lower()
# The socket is one file for each user, so two servers on one machine would compete for it.
control_socket_disable = True
# The directory in which prometheus_client counts, so that each worker can show all counts.
_metrics = share_metrics()
raw_env = [f"PROMETHEUS_MULTIPROC_DIR={_metrics.path}"] if _metrics else []
if OWN:
    replace_parts_of_gunicorn()


def on_starting(_server: Any) -> None:
    """Unblock the signals of gunicorn's own arbiter after each fork; pre_fork blocks them."""
    if not OWN:
        unblock = partial(signal.pthread_sigmask, signal.SIG_UNBLOCK, STOP_SIGNALS)
        os.register_at_fork(after_in_parent=unblock)


def when_ready(arbiter: Any) -> None:
    """Change the class of the arbiter to Server, which announces its shutdown."""
    if OWN:
        Server.become(arbiter, settings)


def pre_fork(arbiter: Any, worker: Any) -> None:
    """Give our worker its slot in the connection counts, and its CPU if workers are pinned.

    Without the block, a signal that comes before a gthread worker has its handlers would be lost,
    because the worker has the arbiter's until then. It would be killed after the time for requests.
    """
    if not OWN:
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        return
    worker.slot = arbiter.connection_counts.allocate()
    pinned = settings.web_pinned
    if one_worker_per_cpu(settings.web_workers) if pinned is None else pinned:
        worker.cpu = least_used_cpu(each.cpu for each in arbiter.WORKERS.values())


def post_fork(_arbiter: Any, _worker: Any) -> None:
    """Let a worker that replaces a dead one import the code that is on disk now."""
    _forget_imported_code()


def post_worker_init(worker: Any) -> None:
    """Start the background threads of a gthread worker, and limit its time for requests.

    Our worker does both itself.
    """
    if not OWN:
        # The arbiter waits longer, so that the worker can close its connections in order.
        worker.cfg.set("graceful_timeout", settings.shutdown_seconds)
        # `wsgi` is a name of app/server/gunicorn_internals.py, which gthread can't import.
        worker.wsgi.extensions["serving_process"].start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def pre_request(_worker: Any, _request: Any) -> None:
    """Do nothing: gunicorn's own hook would log a second line for the request."""


def child_exit(server: Any, worker: Any) -> None:
    """Free the slot of the ended worker, and merge its counts into those of the others."""
    if OWN:
        worker.slot.release()
    if _metrics:
        _metrics.worker_ended(worker.pid, server.WORKERS if OWN else ())


def on_exit(server: Any) -> None:
    """Remove the directory of the counters. Our arbiter has announced the shutdown already."""
    if not OWN:
        # Imported here, because workers would inherit the imported code, also after a reload.
        from app.server.shutdown_notice import announce_shutdown

        announce_shutdown(settings, server.log)
    if _metrics:
        _metrics.remove()
