"""gunicorn's threaded worker with a lane of its own for health checks.

When PostgreSQL is dead every thread may be waiting for it, just when a load balancer has to hear.
docs/decisions/0009-alerts-and-health.md says what else was thought of.
"""

from __future__ import annotations

import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

LANE_THREADS = 2
"""Checks are shared by who asks at once, so few threads serve many."""
_PEEKED_BYTES = 4096
_HEALTH = re.compile(rb"(GET|HEAD) (/api)?/health(/live)?[ ?].*\r\n\r\n", re.DOTALL)
"""A whole request head, so that nobody holds the lane by sending slowly."""


class LanedWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Looks at a request's first bytes before it queues for a thread."""

    def init_process(self) -> None:
        self._lane = ThreadPoolExecutor(LANE_THREADS, thread_name_prefix="health-lane")
        super().init_process()

    def enqueue_req(self, conn: TConn) -> None:
        head = _peeked(conn)
        if not head and self.alive and not conn.initialized and not conn.data_ready:
            self._await_first_bytes(conn)
        elif _HEALTH.match(head):
            self._enqueue_in(self._lane, conn)
        else:
            self._enqueue_in(self.tpool, conn)

    def _enqueue_in(self, lane: ThreadPoolExecutor, conn: TConn) -> None:
        done = lane.submit(self.handle, conn)
        done.add_done_callback(
            lambda future: self.method_queue.defer(self.finish_request, conn, future)
        )

    def _await_first_bytes(self, conn: TConn) -> None:
        # As gunicorn does with those whose bytes a thread waited for in vain.
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))


def _peeked(conn: TConn) -> Any:
    """What the client has sent and nobody has read yet; nothing where it has gone."""
    try:
        return conn.sock.recv(_PEEKED_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except (BlockingIOError, InterruptedError):
        return b""
    except (OSError, ValueError):
        # A broken connection, or TLS, whose bytes say nothing yet: a thread's affair.
        conn.data_ready = True
        return b""
