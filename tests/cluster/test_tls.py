"""Redis over TLS, with Debian's redis-server, because the Valkey of the wheel has no TLS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import redis

from app.storage.redis import connect
from config.redis_url import parse_redis_url
from tests.cluster import flow
from tests.cluster.groups import SERVICE, SLOTS
from tests.cluster.tls_server import BINARY, TlsServer
from tests.support.servers import DatabaseServer, Stores
from tests.support.system.harness import SystemHarness, free_ports
from tests.support.waiting import await_true
from tools.local.embedded import EmbeddedValkey
from tools.local.embedded_server import HOST

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BINARY, reason="Debian's redis-server is not installed"),
]


class TlsSentinel(TlsServer):
    """A Sentinel that uses TLS."""

    def __init__(self, folder: Path, master: TlsServer) -> None:
        super().__init__(folder, "sentinel")
        self.certificate, self.key = master.certificate, master.key
        self._master = master

    def _settings(self) -> dict[str, object]:
        settings = super()._settings()
        del settings["appendonly"], settings["save"]
        return settings | {
            "tls-replication": "yes",
            f"sentinel monitor {SERVICE}": f"{HOST} {self._master.port} 1",
            f"sentinel auth-pass {SERVICE}": self._master.password,
        }

    def _command(self) -> list[str | Path]:
        return [*super()._command(), "--sentinel"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    with TlsServer(tmp_path_factory.mktemp("tls")) as running:
        yield running


def test_the_main_flow_works_over_tls(
    postgres: DatabaseServer, server: TlsServer, tmp_path: Path
) -> None:
    with SystemHarness(Stores(postgres.create(), server.url), tmp_path) as system:
        flow.main_flow(system)


def answers(url: str) -> bool:
    with closing(connect(parse_redis_url(url), 2)) as client:
        return bool(client.ping())


def test_a_certificate_is_accepted_if_it_is_configured_or_if_none_is_required(
    server: TlsServer,
) -> None:
    assert answers(server.url)
    bare = server.url.partition("?")[0]
    assert answers(f"{bare}?ssl_cert_reqs=none")
    with pytest.raises(redis.ConnectionError, match="certificate verify failed"):
        answers(bare)


def test_with_tls_configured_no_plain_connection_is_made(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "plain") as plain:
        assert answers(plain.url)
        encrypted = plain.url.replace("redis://", "rediss://")
        with pytest.raises((redis.ConnectionError, redis.TimeoutError)):
            answers(f"{encrypted}?ssl_cert_reqs=none")


def test_a_cluster_is_used_over_tls(tmp_path: Path) -> None:
    (bus_port,) = free_ports(1)
    node = TlsServer(tmp_path, cluster_enabled="yes", tls_cluster="yes", cluster_port=bus_port)
    with node:
        with redis.Redis.from_url(node.url) as client:
            client.execute_command("CLUSTER ADDSLOTSRANGE", 0, SLOTS - 1)
        url = f"redis+cluster://:{node.password}@{HOST}:{node.port}?tls=true&{node.trust_parameter}"
        with closing(connect(parse_redis_url(url), 2)) as client:
            await_true(lambda: sets(client), 20)


def test_a_master_and_its_sentinel_are_used_over_tls(tmp_path: Path) -> None:
    with ExitStack() as stack:
        master = stack.enter_context(TlsServer(tmp_path))
        sentinel = stack.enter_context(TlsSentinel(tmp_path, master))
        url = (
            f"redis+sentinel://:{master.password}@{HOST}:{sentinel.port}/{SERVICE}"
            f"?sentinel_password={sentinel.password}&tls=true&{master.trust_parameter}"
        )
        client = stack.enter_context(closing(connect(parse_redis_url(url), 2)))
        await_true(lambda: sets(client), 20)


def sets(client: redis.Redis) -> bool:
    try:
        return bool(client.set("anything", "goes"))
    except redis.RedisError:
        return False
