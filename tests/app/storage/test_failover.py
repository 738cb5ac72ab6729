"""A database URL that names a primary and its standby, when the standby becomes the primary."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from app.contract.errors import DatabaseUnavailable
from app.storage.database import Database
from tests.app.storage.filled_pool import fill_pool
from tests.support.replica import Pair, replicated
from tests.support.servers import store_folder
from tests.support.services import Services
from tests.support.system.harness import free_ports
from tools.local.embedded import EmbeddedPostgres

pytestmark = pytest.mark.slow
MOVED_SECONDS = 2.0
POOLED = 3
WRITE = "UPDATE users SET last_login_at = now() RETURNING 1"
MakeServices = Callable[..., Services]


@pytest.fixture
def pair() -> Iterator[Pair]:
    with store_folder() as folder, replicated(folder) as made:
        yield made


def url_of(*servers: EmbeddedPostgres, database: str) -> str:
    """A URL for the one of the servers that can be written to."""
    user = servers[0].url.partition("@")[0]
    hosts = "&".join(f"host={server.host}:{server.port}" for server in servers)
    return f"{user}@/{database}?{hosts}&target_session_attrs=read-write"


def server_of(database: Database) -> int:
    """The port of the server that ran a transaction which may write."""
    with database.transaction() as connection:
        connection.exec_driver_sql(WRITE)
        return int(connection.exec_driver_sql("SELECT inet_server_port()").scalar_one())


@pytest.mark.parametrize("former_primary", ["killed", "demoted"])
def test_writes_reach_the_promoted_standby_within_two_seconds(
    pair: Pair, make_services: MakeServices, former_primary: str
) -> None:
    name = pair.create()["DATABASE_URL"].rpartition("/")[2]
    url = url_of(pair.primary, pair.replica, database=name)
    database = make_services(DATABASE_URL=url).database
    fill_pool(database, POOLED)
    assert server_of(database) == pair.primary.port
    pair.replica.promote()
    if former_primary == "killed":
        pair.primary.kill()
    else:
        demote(pair.primary, database)
    moved_at = time.monotonic()
    while time.monotonic() < moved_at + MOVED_SECONDS:
        with suppress(DatabaseUnavailable):
            if server_of(database) == pair.replica.port:
                break
    assert time.monotonic() - moved_at < MOVED_SECONDS
    assert {server_of(database) for _ in range(2 * POOLED)} == {pair.replica.port}


def demote(server: EmbeddedPostgres, database: Database) -> None:
    """Make the server read-only for all sessions, as a standby is; they stay connected."""
    for statement in (
        "ALTER SYSTEM SET default_transaction_read_only = on",
        "SELECT pg_reload_conf()",
    ):
        with database.reading() as connection:
            connection.exec_driver_sql(statement)


def test_a_host_that_does_not_answer_leaves_time_for_the_next_one(
    pair: Pair, make_services: MakeServices
) -> None:
    name = pair.create()["DATABASE_URL"].rpartition("/")[2]
    database = make_services(
        DATABASE_URL=url_of(pair.replica, pair.primary, database=name)
    ).database
    pair.replica.pause()
    begun = time.monotonic()
    assert server_of(database) == pair.primary.port
    assert time.monotonic() - begun < MOVED_SECONDS
    pair.replica.resume()


def test_hosts_are_tried_in_turn_at_their_own_ports(
    pair: Pair, make_services: MakeServices
) -> None:
    name = pair.create()["DATABASE_URL"].rpartition("/")[2]
    (unused,) = free_ports(1)
    url = url_of(pair.primary, database=name).replace("host=", f"host=127.0.0.1:{unused}&host=", 1)
    database = make_services(DATABASE_URL=url).database
    assert server_of(database) == pair.primary.port
