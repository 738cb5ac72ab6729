"""Every name of gunicorn that this room relies on, and what breaks if gunicorn changes it.

gunicorn documents its settings, its hooks and the class `Logger`, which logger.py imports.
Everything below is internal and may change with any release, so gunicorn_version.py allows known
versions only. A version is added when it has passed tests/system and tests/app/server, whose
test_gunicorn_internals.py checks each entry of INTERNALS.
"""

from __future__ import annotations

from typing import Any, NamedTuple

# First, because the imports below may fail in an unknown version, or find something different.
import app.server.gunicorn_version  # noqa: F401

# isort: split

from gunicorn import util
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.errors import HaltServer
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.http.message import Request
from gunicorn.http.parser import Parser
from gunicorn.http.unreader import Unreader
from gunicorn.http.wsgi import Response
from gunicorn.workers import base
from gunicorn.workers.gthread import (
    STOP_KEEPALIVE_LINGER,
    PollableMethodQueue,
    TConn,
    ThreadWorker,
)
from gunicorn.workers.workertmp import WorkerTmp

__all__ = [
    "INTERNALS", "STOP_KEEPALIVE_LINGER", "Arbiter", "Config", "HaltServer", "Internal",
    "LimitRequestHeaders", "Parser", "Request", "Response", "TConn", "ThreadWorker", "Unreader",
    "WorkerTmp", "base", "util",
]  # fmt: skip


class Internal(NamedTuple):
    """One name of gunicorn, the shape in which we need it, and the reason."""

    owner: Any
    """The class or the module that has it."""
    name: str
    shape: str
    """The signature of a function; the type of an attribute of an instance."""
    reason: str
    """What we do with it, and so what breaks without it."""


INTERNALS = (
    # Methods of the worker that ours replaces or extends.
    Internal(
        ThreadWorker, "enqueue_req", "(self, conn)",
        "Called for each new connection and for each kept one that became readable. Ours reads in"
        " the event loop; gunicorn's would give the connection to a thread at its first byte.",
    ),
    Internal(
        ThreadWorker, "handle", "(self, conn)",
        "Answers one request in a thread; its result says whether the connection stays open. Ours"
        " closes it if gunicorn wanted more bytes than the request has.",
    ),
    Internal(
        ThreadWorker, "handle_request", "(self, req, conn)",
        "Called between parsing and answering. Ours closes the connection after a request of which"
        " not all was read.",
    ),
    Internal(
        ThreadWorker, "handle_error", "(self, req, client, addr, exc)",
        "Answers what could not be parsed. We call it for a head that is too long.",
    ),
    Internal(
        ThreadWorker, "finish_request", "(self, conn, fs)",
        "Called in the event loop with the future of `handle`. Ours keeps a connection that must"
        " close open until its client has read the reply.",
    ),
    Internal(
        ThreadWorker, "accept", "(self, listener)",
        "Accepts a connection. Ours lets less loaded workers go first, and survives errors.",
    ),
    Internal(
        ThreadWorker, "set_accept_enabled", "(self, enabled)",
        "Called when the worker starts and stops to accept. Ours sets options of the listener, and"
        " closes it at shutdown.",
    ),
    Internal(
        ThreadWorker, "wait_for_and_dispatch_events", "(self, timeout)",
        "One turn of the event loop. Ours starts a scoring batch after it.",
    ),
    Internal(
        ThreadWorker, "murder_pending", "(self)",
        "Called after each turn. Ours closes late connections, and idle ones if there are many.",
    ),
    Internal(
        ThreadWorker, "murder_keepalived", "(self, force=False)",
        "Closes idle connections. Ours looks for a request on them first.",
    ),
    Internal(
        ThreadWorker, "_cap_keepalive", "(self, deadline)",
        "Called once at shutdown. Ours also limits connections that have not sent anything, which"
        " would otherwise delay the shutdown until graceful_timeout.",
    ),
    Internal(
        ThreadWorker, "is_parent_alive", "(self)",
        "Called in each turn. Ours shuts down as after SIGTERM if the arbiter has ended.",
    ),
    Internal(
        ThreadWorker, "init_process", "(self)",
        "The first call in the forked process; ours pins it to its CPU before it starts a thread.",
    ),
    Internal(
        ThreadWorker, "load_wsgi", "(self)",
        "Imports the app as self.wsgi, after thread pool and poller exist. Ours makes its"
        " collaborators here, from the app's routes.",
    ),
    Internal(
        ThreadWorker, "init_signals", "(self)",
        "Installs the signal handlers. Ours ignores SIGINT, which the arbiter answers.",
    ),
    Internal(
        ThreadWorker, "run", "(self)",
        "The event loop until shutdown. Ours starts and stops the background threads around it.",
    ),
    # Attributes of the worker.
    Internal(ThreadWorker, "alive", "bool", "False from SIGTERM on; read and set."),
    Internal(ThreadWorker, "age", "int", "Its number; a reload waits for the higher ones."),
    Internal(ThreadWorker, "pid", "str", "Its process id, set by the arbiter after the fork."),
    Internal(ThreadWorker, "cfg", "Config", "The settings."),
    Internal(Config, "set", "(self, name, value)", "Gives our worker its own graceful_timeout."),
    Internal(ThreadWorker, "log", "Logger", "gunicorn's log."),
    Internal(
        ThreadWorker, "wsgi", "function",
        "The app, set by load_wsgi. Ours replaces it to mark replies at shutdown. gunicorn.conf.py"
        " starts the background threads of a gthread worker from it, in any version.",
    ),
    Internal(ThreadWorker, "sockets", "list", "The listeners, closed at shutdown."),
    Internal(
        ThreadWorker, "nr_conns", "int",
        "The number of open connections. We reduce it for each one that we close: a worker whose"
        " count is too high stops to accept, and never ends its shutdown.",
    ),
    Internal(ThreadWorker, "worker_connections", "int", "At this number we close idle ones."),
    Internal(ThreadWorker, "keepalived_conns", "deque", "Idle ones, the first to expire first."),
    Internal(ThreadWorker, "max_keepalived", "int", "With more idle ones it closes the newest."),
    Internal(ThreadWorker, "tpool", "NoneType", "The thread pool, made by init_process."),
    Internal(ThreadWorker, "poller", "NoneType", "The selector, made by init_process."),
    Internal(
        ThreadWorker, "method_queue", "PollableMethodQueue",
        "Takes calls from threads to the event loop.",
    ),
    Internal(
        PollableMethodQueue, "defer", "(self, callback, *args)",
        "Has the event loop make a call. Without it the connection of a finished request is never"
        " closed or read again.",
    ),
    Internal(base, "WorkerTmp", "(cfg)", "The file whose time shows that a worker is alive."),
    Internal(Config, "uid", "int", "The user that a worker runs as; it must own that file."),
    Internal(Config, "gid", "int", "Its group."),
    Internal(WorkerTmp, "__init__", "(self, cfg)", "Makes that file; ours has no folder."),
    Internal(WorkerTmp, "_tmp", "FileIO", "The open file, set by ours; its time is read."),
    # One connection.
    Internal(TConn, "sock", "socket", "Read and written without waiting by the event loop."),
    Internal(TConn, "client", "tuple", "The peer's address, for the parser and for errors."),
    Internal(
        TConn, "parser", "NoneType",
        "Set to our parser before gunicorn makes its own, which would read from the socket.",
    ),
    Internal(TConn, "initialized", "bool", "Whether a request of the connection was answered."),
    Internal(
        TConn, "data_ready", "bool",
        "Set before a thread gets the connection. Otherwise the thread waits for the socket.",
    ),
    Internal(TConn, "timeout", "NoneType", "When a kept connection expires (time.monotonic)."),
    Internal(TConn, "close", "(self, graceful=False)", "Closes the socket."),
    # Reading requests.
    Internal(
        Parser, "__init__", "(self, cfg, source, source_addr)",
        "Makes an unreader, which we replace by ours.",
    ),
    Internal(Parser, "unreader", "IterUnreader", "What the parser and request bodies read from."),
    Internal(Parser, "req_count", "int", "The number of requests parsed on the connection."),
    Internal(Parser, "mesg_class", "NoneType", "The class of parsed requests; we set our own."),
    Internal(
        Unreader, "chunk", "(self, size_hint=None)",
        "Asks the source for more. Ours has no source, and notes that more was wanted.",
    ),
    Internal(Unreader, "buf", "BytesIO", "The bytes that are not read yet."),
    Internal(
        Request, "_peer_is_trusted_proxy", "(self)",
        "Whether to believe the peer's forwarding headers. Ours says no without parsing the peer's"
        " address, which is 2.6 % of an increment.",
    ),
    Internal(Request, "force_close", "(self)", "Has the connection closed after the reply."),
    # Writing replies.
    Internal(
        Response, "start_response", "(self, status, headers, exc_info=None)",
        "A bound method: its __self__ is the Response.",
    ),
    Internal(Response, "default_headers", "(self)", "Lines of the head; ours has no Server."),
    Internal(
        Response, "force_close", "(self)",
        "Adds `Connection: close` to the reply. Without it the client sends its next request"
        " on a connection that is about to be closed.",
    ),
    Internal(
        util, "write_error", "(sock, status_int, reason, mesg)",
        "Writes the reply to a malformed request. Replaced, or clients would get HTML.",
    ),
    Internal(util, "write_nonblock", "(sock, data, chunked=False)", "Writes and never waits."),
    # The arbiter.
    Internal(
        Arbiter, "run", "(self)",
        "Its loop ends as after SIGTERM on StopIteration, which ours raises in a reload.",
    ),
    Internal(Arbiter, "handle_int", "(self)", "SIGINT; ours lets requests finish."),
    Internal(Arbiter, "handle_term", "(self)", "SIGTERM; called for SIGINT too."),
    Internal(
        Arbiter, "reload", "(self)",
        "SIGHUP: reads the configuration, starts new workers and calls manage_workers. Ours keeps"
        " the old workers if that fails.",
    ),
    Internal(
        Arbiter, "manage_workers", "(self)",
        "Ends the oldest workers above the wanted number. During a reload ours waits first until"
        " the new ones serve.",
    ),
    Internal(Arbiter, "spawn_worker", "(self)", "Ours holds signals back until they are handled."),
    Internal(Arbiter, "kill_workers", "(self, sig)", "Ours announces the shutdown after it."),
    Internal(Arbiter, "kill_worker", "(self, pid, sig)", "Ends workers of a failed reload."),
    Internal(Arbiter, "reap_workers", "(self)", "Collects ended workers; raises HaltServer."),
    Internal(Arbiter, "setup", "(self, app)", "Applies the configuration; undoes a failed one."),
    Internal(Arbiter, "stop", "(self, graceful=True)", "Ends workers; ours waits for the notice."),
    Internal(Arbiter, "WORKERS", "dict", "Workers by process id."),
    Internal(Arbiter, "SIG_QUEUE", "SimpleQueue", "Signals to handle; we look for a stop in it."),
    Internal(Arbiter, "worker_age", "int", "The number of the newest worker."),
    Internal(Arbiter, "app", "object", "Has the configuration; restored after a failed reload."),
    Internal(Arbiter, "cfg", "Config", "The configuration that is applied, put back into app."),
    Internal(Arbiter, "worker_class", "type", "Whether ours: only it handles blocked signals."),
    Internal(Arbiter, "log", "Logger", "Reports a failed reload and the shutdown."),
)  # fmt: skip
"""In the order: the worker, connections, reading, writing, the arbiter.

Beside these: STOP_KEEPALIVE_LINGER, how long a stopping worker keeps idle connections open; without
it ours would keep them differently. LimitRequestHeaders, which handle_error answers with 431.
HaltServer, which ends the arbiter.
"""
