"""SIGTERM to an API server: the order of flow 10, every request answered, and the time bounds."""

from __future__ import annotations

import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis
from websockets.sync.client import connect

from tests.support.servers import ROOT, redis_server
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player
from tests.support.system.shutdown import (
    busy,
    half_sent,
    kept_alive,
    ledger_locked,
    read_to_the_end,
    shutdown_events,
)
from tests.support.system.web_server import web_server
from tests.support.system.workers import WORKERS
from tests.support.waiting import await_true, catches_sigterm, is_lock_awaited

pytestmark = pytest.mark.slow
FLOW_10 = [
    "shutting_down",
    "stopped_accepting",
    "requests_finished",
    "background_stopped",
    "redis_closed",
    "database_closed",
    "stopped",
]
FORKED = "a worker is forked"
SLOW_FORK = f"""
import os, sys, time
if sys.argv[0].endswith("gunicorn"):
    os.register_at_fork(after_in_child=lambda: (print("{FORKED}", flush=True), time.sleep(0.5)))
"""
FIRST_LINE = {"scoreboard": "shutting_down", "gthread": "Handling signal"}
"""What each server logs first when it shuts down."""


@pytest.fixture(params=WORKERS)
def worker(request: pytest.FixtureRequest) -> str:
    """Each value of WEB_WORKER."""
    return str(request.param)


def test_sigterm_ends_a_server_in_the_order_of_flow_10(
    running_system: SystemHarness, tmp_path: Path
) -> None:
    with web_server(running_system, tmp_path, LOG_LEVEL="DEBUG") as server:
        login = b'{"username": "unregistered", "password": "correct horse"}'
        with half_sent(server, login, rest=5) as sock:
            await_true(lambda: busy(server), 30)
            server.process.terminate()
            await_true(server.refuses_connections, 30)
            assert server.process.poll() is None
            server.process.terminate()
            sock.sendall(login[-5:])
            answer = read_to_the_end(sock)
        assert answer.startswith(b"HTTP/1.1 401 "), answer
        assert b"Connection: close\r\n" in answer
        assert server.exit_code() == 0
        of_worker = [line for line in server.events() if line["logger"] != "gunicorn.error"]
        steps = [line["event"] for line in of_worker if line["event"] in FLOW_10]
        log = server.log()
    assert steps == FLOW_10
    # The arbiter logs it first and exits last.
    assert log.index("Handling signal: term") < log.index('"shutting_down"')
    assert log.rindex('"stopped"') < log.index("workers_ended")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_an_increment_that_waits_in_postgresql_is_answered_and_counted(
    running_system: SystemHarness, tmp_path: Path, worker: str, how: signal.Signals
) -> None:
    with (
        web_server(running_system, tmp_path, WEB_WORKER=worker) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        player = Player.register(server.url)
        token = player.ask_token()
        with ledger_locked(running_system) as lock:
            spent = pool.submit(player.spend, token)
            await_true(lambda: is_lock_awaited(running_system.stores.database_url), 30)
            # Like Ctrl-C in a terminal: to all processes of the group.
            os.killpg(server.process.pid, how) if how == signal.SIGINT else (
                server.process.send_signal(how)
            )
            await_true(lambda: FIRST_LINE[worker] in server.log(), 30)
            lock.commit()
        assert spent.result().status_code == 200
        assert spent.result().json()["newScore"] == 1
        assert server.exit_code() == 0
    again = player.spend(token, url=running_system.url)
    assert again.json()["details"]["newScore"] == 1


def test_idle_connections_are_answered_for_two_seconds_and_do_not_delay_the_exit(
    running_system: SystemHarness, tmp_path: Path
) -> None:
    # One worker, because its 2 s begin when it stops accepting, and two don't stop together.
    with web_server(running_system, tmp_path) as server:
        with (
            socket.create_connection(("127.0.0.1", server.port)),
            socket.create_connection(("127.0.0.1", server.port)) as late,
            kept_alive(server) as asks_once_more,
            kept_alive(server),
        ):
            server.process.terminate()
            server.await_log("stopped_accepting")
            begun = time.monotonic()
            for sock in (asks_once_more, late):
                sock.sendall(b"GET /api/health/live HTTP/1.1\r\nHost: scores.example\r\n\r\n")
            for sock in (asks_once_more, late):
                answer = read_to_the_end(sock)
                assert answer.startswith(b"HTTP/1.1 ")
                assert b"Connection: close\r\n" in answer
            assert server.exit_code() == 0
        # gunicorn would wait SHUTDOWN_SECONDS, 30 s, for the connection that sent nothing.
        assert time.monotonic() - begun < 15
        assert '"given_up": 0' in server.log()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_shutdown_seconds_limit_the_wait_for_requests(
    running_system: SystemHarness, tmp_path: Path, how: signal.Signals
) -> None:
    with web_server(running_system, tmp_path, WEB_WORKERS="2", SHUTDOWN_SECONDS="1") as server:
        with half_sent(server, b'{"username": ', rest=3) as sock:
            await_true(lambda: busy(server), 30)
            server.process.send_signal(how)
            assert server.exit_code() == 0
            assert read_to_the_end(sock) == b""
        events = [line["event"] for line in server.events()]
        assert events.count("stopped") == 2
        assert '"given_up": 1' in server.log()
        assert "SIGKILL" not in server.log()


@pytest.mark.parametrize("moment", ["", "Starting gunicorn", "Booting worker"])
def test_sigterm_during_the_start_ends_it_cleanly(
    running_system: SystemHarness, tmp_path: Path, worker: str, moment: str
) -> None:
    with web_server(
        running_system, tmp_path, ready=False, WEB_WORKER=worker, WEB_WORKERS="2"
    ) as server:
        if moment:
            server.await_log(moment)
        else:
            await_true(lambda: catches_sigterm(server.process.pid), 30)
        server.process.terminate()
        assert server.exit_code() == 0
        assert "Traceback" not in server.log()
        # A worker that lost the signal would be killed after SHUTDOWN_SECONDS.
        assert server.log().count("Worker exiting") == server.log().count("Booting worker")


def test_sigterm_reaches_a_worker_that_is_just_forked(
    running_system: SystemHarness, tmp_path: Path, worker: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLOW_FORK)
    path = f"{tmp_path}:{ROOT}"
    with web_server(
        running_system, tmp_path, ready=False, PYTHONPATH=path, WEB_WORKER=worker
    ) as server:
        server.await_log(FORKED)
        server.process.terminate()
        server.await_log("Handling signal: term")
        assert server.exit_code() == 0
        # A worker that lost the signal would be killed after SHUTDOWN_SECONDS.
        assert server.log().count("Worker exiting") == 1


def test_viewers_get_one_shutdown_event_and_stay_connected(
    running_system: SystemHarness, tmp_path: Path, worker: str
) -> None:
    player = running_system.register()
    headers = {"Authorization": f"Bearer {player.access_token}"}
    with connect(running_system.websocket_url, additional_headers=headers) as viewer:
        with web_server(running_system, tmp_path, WEB_WORKER=worker, WEB_WORKERS="2") as server:
            server.process.send_signal(signal.SIGHUP)
            server.await_log("Booting worker", times=4)
            server.await_log('"stopped"', times=2)
            assert shutdown_events(viewer, f"127.0.0.1:{server.port}", 0) == 0
            # The arbiter announces it, so no worker is needed.
            for process in server.workers():
                process.kill()
            server.process.terminate()
            assert server.exit_code() == 0
            assert "server_shutdown_announced" in server.log()
        assert shutdown_events(viewer, f"127.0.0.1:{server.port}", 1) == 1
        with web_server(
            running_system, tmp_path, WEB_WORKER=worker, INSTANCE_NAME="blue"
        ) as server:
            server.process.terminate()
            assert server.exit_code() == 0
        assert shutdown_events(viewer, "blue", 1) == 1


def test_a_redis_that_does_not_answer_does_not_delay_the_exit(
    running_system: SystemHarness, tmp_path: Path, worker: str
) -> None:
    with (
        redis_server(tmp_path / "valkey") as valkey,
        web_server(running_system, tmp_path, REDIS_URL=valkey.url, WEB_WORKER=worker) as server,
    ):
        with redis.Redis.from_url(valkey.url) as client:
            (pid,) = [client.info("server")["process_id"]]
        os.kill(pid, signal.SIGSTOP)
        try:
            begun = time.monotonic()
            server.process.terminate()
            assert server.exit_code() == 0
            assert time.monotonic() - begun < 15
        finally:
            os.kill(pid, signal.SIGCONT)
        assert "server_shutdown_not_announced" in server.log()
