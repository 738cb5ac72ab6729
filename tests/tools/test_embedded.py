"""The embedded servers can be killed, frozen and restarted as the fault tests need it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import redis
from psycopg2 import extensions

from tools.local.embedded import EmbeddedPostgres, EmbeddedValkey
from tools.local.embedded_server import ServerFailed

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def default_wait_callback() -> Iterator[None]:
    """Remove the wait callback of services that other tests built; it ignores connect_timeout."""
    installed = extensions.get_wait_callback()
    extensions.set_wait_callback(None)
    yield
    extensions.set_wait_callback(installed)


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    # Not tmp_path: its parent is closed to the unprivileged user that runs PostgreSQL for root.
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


@pytest.fixture(scope="module")
def postgres(directory: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(directory / "postgres", disposable=True) as server:
        yield server


def _query(
    server: EmbeddedPostgres, statement: str, timeout_seconds: int = 20
) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(server.url, connect_timeout=timeout_seconds)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def test_committed_data_survives_sigkill_to_postgres_on_the_same_port(
    postgres: EmbeddedPostgres,
) -> None:
    port = postgres.port
    _query(postgres, "create table survivor as select 1 as one")
    postgres.kill()
    with pytest.raises(psycopg2.OperationalError, match="refused"):
        _query(postgres, "select 1")
    postgres.start()
    assert postgres.port == port
    assert _query(postgres, "select one from survivor") == [(1,)]


def test_a_paused_postgres_accepts_connections_and_answers_none(postgres: EmbeddedPostgres) -> None:
    postgres.pause()
    with pytest.raises(psycopg2.OperationalError, match="timeout expired"):
        _query(postgres, "select 1", timeout_seconds=2)
    postgres.resume()
    assert _query(postgres, "select 1") == [(1,)]


def test_postgres_asks_for_the_password(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg2.OperationalError, match="no password supplied"):
        psycopg2.connect(postgres.url_without_password)


def test_a_pid_file_with_the_id_of_another_process_does_not_prevent_a_start(
    postgres: EmbeddedPostgres, directory: Path
) -> None:
    with EmbeddedPostgres(directory / "other", disposable=True) as other:
        pid_file = other.data_dir / "cluster" / "postmaster.pid"
        other.kill()
        number, rest = pid_file.read_text().split("\n", 1)
        assert int(number) != postgres.pid
        pid_file.write_text(f"{postgres.pid}\n{rest}")
        other.start()
        assert _query(other, "select 1") == [(1,)]


def test_the_error_of_a_failed_start_names_the_log(directory: Path) -> None:
    server = EmbeddedPostgres(directory / "broken", disposable=True)
    (server.data_dir / "cluster").mkdir()
    with pytest.raises(ServerFailed, match=r"PostgreSQL did not start \(.*/broken/log\): ."):
        server.start()
    server.close()


@pytest.mark.parametrize(("persistent", "expected"), [(False, None), (True, b"1")])
def test_valkey_keeps_its_data_over_a_restart_only_if_persistent(
    directory: Path, persistent: bool, expected: bytes | None
) -> None:
    data = directory / f"valkey-{persistent}"
    with EmbeddedValkey(data, persistent=persistent) as valkey:
        client = redis.Redis.from_url(valkey.url)
        client.set("key", 1)
        valkey.stop()
        valkey.start()
        assert client.get("key") == expected
        client.close()


def test_a_paused_valkey_answers_nothing_until_it_is_resumed(directory: Path) -> None:
    with EmbeddedValkey(directory / "paused") as valkey:
        valkey.pause()
        with (
            redis.Redis.from_url(valkey.url, socket_timeout=0.2, retry=None) as impatient,
            pytest.raises(redis.TimeoutError),
        ):
            impatient.ping()
        valkey.resume()
        with redis.Redis.from_url(valkey.url, socket_timeout=20) as client:
            assert client.ping()
