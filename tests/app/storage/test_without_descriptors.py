"""Without a free file descriptor, new connections fail with the errors that callers expect."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.environment import base_environment
from tests.support.servers import ROOT

pytestmark = pytest.mark.slow

TAKE_ALL_DESCRIPTORS = """
import os, resource
free = os.dup(0)
os.close(free)
resource.setrlimit(resource.RLIMIT_NOFILE, (free, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
"""
REDIS = """
from app.contract.errors import RedisUnavailable
from app.storage.redis import connect, redis_errors
from config.redis_url import parse_redis_url
client = connect(parse_redis_url("{scheme}://localhost:1/0"), 2)
def call():
    with redis_errors():
        client.ping()
try:
    call()
except RedisUnavailable:
    pass
client.connection_pool.disconnect()
client.connection_pool.reset()
"""
POSTGRES = """
from app.concurrency.circuit_breaker import ThreadWaits
from app.contract.errors import DatabaseUnavailable
from app.storage.database import connect_pool
from app.storage.database_connections import install_wait_callback
install_wait_callback()
database = connect_pool("postgresql+psycopg2://u@localhost:1/d", 2, ThreadWaits())
def call():
    with database.transaction():
        pass
try:
    call()
except DatabaseUnavailable:
    pass
"""


@pytest.mark.parametrize(
    ("connect", "error"),
    [
        (REDIS.format(scheme="redis"), "RedisUnavailable"),
        (REDIS.format(scheme="rediss"), "RedisUnavailable"),
        (POSTGRES, "DatabaseUnavailable"),
    ],
    ids=["redis", "redis with TLS", "postgresql"],
)
def test_a_connection_without_a_descriptor_fails_as_one_to_a_dead_server(
    connect: str, error: str
) -> None:
    # The pause is longer than the circuit breaker stays open.
    code = f"{connect}\nimport time; time.sleep(1)\n{TAKE_ALL_DESCRIPTORS}\ncall()"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=base_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ended.stderr.splitlines()[-1].startswith(f"app.contract.errors.{error}")
