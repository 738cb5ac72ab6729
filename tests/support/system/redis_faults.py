"""Faults of Redis in which it answers, but with errors."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from tests.support.waiting import await_true

_SAVED_KEY = "a key that takes long to save"


@contextmanager
def busy(url: str) -> Iterator[None]:
    """A script of another client that runs during the block, so that Redis answers BUSY."""
    with redis.Redis.from_url(url) as admin:
        admin.config_set("busy-reply-threshold", 50)
        script = threading.Thread(target=_run_until_killed, args=(url,))
        script.start()
        await_true(lambda: _is_busy(admin), 20)
        yield
        admin.script_kill()
        script.join()


@contextmanager
def unsaved(url: str) -> Iterator[None]:
    """A snapshot that failed, as on a full disk, so that Redis answers MISCONF to every write."""
    with redis.Redis.from_url(url) as admin:
        _fail_snapshot(admin)
        with pytest.raises(redis.ResponseError, match="MISCONF"):
            admin.set(_SAVED_KEY, 2)
        yield
        admin.config_set("save", "")
        admin.config_set("rdb-key-save-delay", 0)
        admin.delete(_SAVED_KEY)


def _fail_snapshot(admin: redis.Redis) -> None:
    admin.set(_SAVED_KEY, 1)
    admin.config_set("rdb-key-save-delay", 10_000_000)
    admin.bgsave()
    server = admin.info("server")["process_id"]
    children = Path(f"/proc/{server}/task/{server}/children")
    await_true(lambda: children.read_text().split(), 20)
    os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
    admin.config_set("save", "3600 1")
    await_true(lambda: admin.info("persistence")["rdb_last_bgsave_status"] == "err", 20)


def _run_until_killed(url: str) -> None:
    with (
        redis.Redis.from_url(url, socket_timeout=None) as client,
        pytest.raises(redis.ResponseError, match="killed"),
    ):
        client.eval("while true do end", 0)


def _is_busy(admin: redis.Redis) -> bool:
    try:
        admin.ping()
    except redis.ResponseError as error:
        return "BUSY" in str(error)
    return False
