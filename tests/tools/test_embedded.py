"""The embedded servers do to clients what the fault tests need done."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import redis
from psycopg2 import extensions

from tools.embedded import EmbeddedPostgres, EmbeddedValkey
from tools.embedded_server import ServerFailed

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def psycopg2s_own_waiting() -> Iterator[None]:
    """Services that other tests made wait by their own deadlines, not by connect_timeout."""
    installed = extensions.get_wait_callback()
    extensions.set_wait_callback(None)
    yield
    extensions.set_wait_callback(installed)


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    # Not tmp_path: pytest shuts its parent to others, and PostgreSQL isn't run as root.
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


@pytest.fixture(scope="module")
def postgres(directory: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(directory / "postgres", fsync=False) as server:
        yield server


def _query(server: EmbeddedPostgres, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(server.url, connect_timeout=2)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def test_what_postgres_committed_survives_its_kill_on_the_same_port(
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


def test_a_paused_postgres_takes_connections_and_answers_none(postgres: EmbeddedPostgres) -> None:
    postgres.pause()
    with pytest.raises(psycopg2.OperationalError, match="timeout expired"):
        _query(postgres, "select 1")
    postgres.resume()
    assert _query(postgres, "select 1") == [(1,)]


def test_postgres_asks_for_the_password(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg2.OperationalError, match="no password supplied"):
        psycopg2.connect(postgres.url_without_password)


def test_a_pid_file_whose_number_is_another_process_by_now_stops_no_start(
    postgres: EmbeddedPostgres, directory: Path
) -> None:
    with EmbeddedPostgres(directory / "other", fsync=False) as other:
        pid_file = other.data_dir / "cluster" / "postmaster.pid"
        other.kill()
        number, rest = pid_file.read_text().split("\n", 1)
        assert int(number) != postgres.pid
        pid_file.write_text(f"{postgres.pid}\n{rest}")
        other.start()
        assert _query(other, "select 1") == [(1,)]


def test_a_server_that_does_not_start_says_where_its_log_is(directory: Path) -> None:
    server = EmbeddedPostgres(directory / "broken", fsync=False)
    (server.data_dir / "cluster").mkdir()
    with pytest.raises(ServerFailed, match=r"PostgreSQL did not start \(.*/broken/log\): ."):
        server.start()
    server.close()


@pytest.mark.parametrize(("persistent", "remembered"), [(False, None), (True, b"1")])
def test_valkey_remembers_over_a_restart_only_when_persistent(
    directory: Path, persistent: bool, remembered: bytes | None
) -> None:
    data = directory / f"valkey-{persistent}"
    with EmbeddedValkey(data, persistent=persistent) as valkey:
        client = redis.Redis.from_url(valkey.url)
        client.set("key", 1)
        valkey.stop()
        valkey.start()
        assert client.get("key") == remembered
        client.close()


def test_a_paused_valkey_answers_nothing_until_resumed(directory: Path) -> None:
    with EmbeddedValkey(directory / "paused") as valkey:
        client = redis.Redis.from_url(valkey.url, socket_timeout=0.2, retry=None)
        valkey.pause()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        valkey.resume()
        assert client.ping()
        client.close()
