"""`make run`: starts the system, and leaves nothing behind however it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import psycopg2
import pytest
import redis

from tests.tools.local.local_run import (
    Start,
    eventually,
    service_that_ignores_sigterm,
    stand_in_procfile,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_no_process_no_lock_and_no_used_port(
    start: Start, how: signal.Signals
) -> None:
    run = start()
    run.await_running()
    assert len(run.seen) > 4  # supervisor, two servers, two services
    assert run.end(how) == 0
    run.assert_nothing_left()


def test_a_stop_during_the_start_is_as_clean(start: Start, directory: Path) -> None:
    run = start(procfile=stand_in_procfile(directory, release="sleep 60"))
    eventually(lambda: "migrating the database" in run.output)
    assert run.end() == 0
    run.assert_nothing_left()


def test_data_and_keys_survive_a_restart_and_a_sigkill(start: Start) -> None:
    first = start()
    first.await_running()
    before = first.service_environment()
    with psycopg2.connect(before["DATABASE_URL"]) as connection:
        connection.cursor().execute("create table survivors as select 42 as answer")
    connection.close()
    assert first.end() == 0

    second = start()
    second.await_running()
    with redis.Redis.from_url(second.service_environment()["REDIS_URL"]) as client:
        client.set("survivor", "42")
        client.execute_command("WAITAOF", 1, 0, 5000)
    second.end(signal.SIGKILL)

    third = start()  # while the processes of the second are still ending
    third.await_running()
    after = third.service_environment()
    with psycopg2.connect(after["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute("select answer from survivors")
        assert cursor.fetchone() == (42,)
    connection.close()
    with redis.Redis.from_url(after["REDIS_URL"]) as client:
        assert client.get("survivor") == b"42"
    for secret in ("JWT_PRIVATE_KEY", "ACTION_TOKEN_SECRET"):
        assert after[secret] == before[secret]
    assert third.end() == 0
    second.assert_nothing_left()
    third.assert_nothing_left()


def test_sigkill_to_the_supervisor_ends_its_processes_too(start: Start) -> None:
    run = start()
    run.await_running()
    run.end(signal.SIGKILL)
    run.assert_no_process_left()


def test_only_their_owner_can_read_keys_and_passwords(start: Start) -> None:
    run = start()
    run.await_running()
    for name in (
        "jwt-private-key.pem",
        "action-token-secret",
        "postgres/password",
        "valkey/password",
        "valkey/valkey.conf",
    ):
        assert (run.directory / name).stat().st_mode & 0o777 == 0o600
    password = (run.directory / "postgres/password").read_text()
    assert password not in run.output


def test_a_second_start_in_the_same_directory_is_refused_in_one_line(start: Start) -> None:
    first = start()
    first.await_running()
    second = start()
    assert second.wait() == 1
    assert second.output.count("\n") == 1
    assert f"already running in {second.directory}" in second.output
    first.service_environment()  # fails if the first no longer answers


@pytest.mark.parametrize("variable", ["PORT", "BROADCASTER_PORT"])
def test_a_taken_port_is_refused_in_one_line_before_anything_starts(
    start: Start, variable: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = start(**{variable: str(port)})
        assert run.wait() == 1
    assert run.output.count("\n") == 1
    assert f"port {port} can't be used" in run.output
    assert f"set {variable}" in run.output
    assert not (run.directory / "postgres" / "cluster").exists()
    run.assert_nothing_left()


def test_an_address_of_another_machine_is_refused_in_one_line(start: Start) -> None:
    run = start(HOST="192.0.2.1")
    assert run.wait() == 1
    assert run.output.count("\n") == 1
    assert "HOST=192.0.2.1 is no address of this machine" in run.output


def test_servers_of_the_environment_are_used_instead_of_embedded_ones(start: Start) -> None:
    urls = {
        "DATABASE_URL": "postgresql://scoreboard@192.0.2.1/scores",
        "REDIS_URL": "redis://192.0.2.1/0",
    }
    run = start(**urls, INCREMENT_LIMIT="7 per minute")
    run.await_running()
    got = run.service_environment("BROADCASTER_PORT")
    assert {name: got[name] for name in urls} == urls
    assert got["INCREMENT_LIMIT"] == "7 per minute"
    assert f"http://127.0.0.1:{got['PORT']}" in got["ALLOWED_ORIGINS"].split(",")
    assert f"http://[::1]:{got['PORT']}" in got["ALLOWED_ORIGINS"].split(",")
    # Setting PORT must not open the API to the network.
    assert got["HOST"] == "127.0.0.1"
    assert len(run.seen) == 3  # supervisor and two services
    assert run.end() == 0


def test_invalid_settings_are_named_before_anything_starts(start: Start) -> None:
    run = start(INCREMENT_LIMIT="often", ACCESS_TOKEN_SECONDS="0")
    assert run.wait() == 1
    assert "INCREMENT_LIMIT" in run.output
    assert "ACCESS_TOKEN_SECONDS" in run.output
    assert "Traceback" not in run.output
    assert not (run.directory / "postgres" / "cluster").exists()


def test_if_one_service_ends_the_run_names_it_and_stops(start: Start) -> None:
    run = start()
    run.await_running()
    broadcaster = next(each for each in run.seen if "BROADCASTER_PORT" in each.cmdline())
    broadcaster.kill()
    assert run.wait() == 1
    assert "broadcaster was ended by SIGKILL" in run.output
    run.assert_nothing_left()


def test_the_output_of_a_failed_release_is_shown(start: Start, directory: Path) -> None:
    procfile = stand_in_procfile(directory, release="sh -c 'echo no such revision; exit 3'")
    run = start(procfile=procfile)
    assert run.wait() == 1
    assert "no such revision\n" in run.output
    assert "release ended with status 3" in run.output
    run.assert_nothing_left()


def test_a_second_ctrl_c_ends_a_service_that_ignores_the_first(
    start: Start, directory: Path
) -> None:
    procfile = stand_in_procfile(directory, web=service_that_ignores_sigterm("PORT"))
    run = start(procfile=procfile, SHUTDOWN_SECONDS="600")
    run.await_running()
    run.process.send_signal(signal.SIGINT)
    eventually(lambda: "stopping" in run.output)
    with pytest.raises(subprocess.TimeoutExpired):
        run.process.wait(1)
    assert run.end(signal.SIGINT) == 0
    run.assert_nothing_left()


def test_a_service_that_ignores_sigterm_is_ended_after_the_shutdown_time(
    start: Start, directory: Path
) -> None:
    procfile = stand_in_procfile(directory, web=service_that_ignores_sigterm("PORT"))
    run = start(procfile=procfile, SHUTDOWN_SECONDS="1")
    run.await_running()
    assert run.end() == 0
    run.assert_nothing_left()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_make_ends_the_whole_run(start: Start, how: signal.Signals) -> None:
    run = start(command=["make", "run"])
    run.await_running()
    assert len(run.seen) > 5  # make, supervisor, two servers, and the real services
    run.end(how)
    run.assert_nothing_left()
