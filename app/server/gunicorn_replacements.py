"""Parts of gunicorn that we replace because it has no settings for them, for any of its workers."""

from __future__ import annotations

import os
from typing import Any

from app.server.gunicorn_internals import Response, WorkerTmp, base


class MemoryHeartbeat(WorkerTmp):  # type: ignore[misc]  # gunicorn has no types
    """The file whose time shows that a worker is alive, without a folder.

    A full or read-only disk then does not stop the start of a worker.
    """

    def __init__(self, cfg: Any) -> None:
        descriptor = os.memfd_create("gunicorn-heartbeat")
        if (cfg.uid, cfg.gid) != (os.geteuid(), os.getegid()):
            # The worker will run as this user and must be able to modify the file.
            os.fchown(descriptor, cfg.uid, cfg.gid)
        self._tmp = os.fdopen(descriptor, "w+b", 0)


def replace_parts_of_gunicorn() -> None:
    """Keep heartbeats in memory, and leave the Server header out of replies."""
    base.WorkerTmp = MemoryHeartbeat
    # A reload calls this again.
    original = getattr(Response, "original_default_headers", Response.default_headers)
    Response.original_default_headers = original
    Response.default_headers = _headers_without_server


def _headers_without_server(response: Any) -> list[str]:
    lines = response.original_default_headers()
    return [line for line in lines if not line.startswith("Server: ")]
