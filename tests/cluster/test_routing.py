"""The client of a cluster: redirects, lost answers and new masters."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from app.accounts.session_cache import SessionCache
from app.accounts.user_rows import Account
from app.contract import keys
from app.storage import subscription
from app.storage.redis import connect, connect_subscriber
from app.storage.subscription import Subscription
from config.redis_url import parse_redis_url
from tests.cluster.groups import SLOTS, Cluster, ClusterNode
from tests.support.waiting import await_true
from tools.local.embedded_server import HOST
from tools.secrets_file import new_password

pytestmark = pytest.mark.slow
COUNT = "return redis.call('INCR', KEYS[1])"
BOUND_SECONDS = 2.0
RECOVERY_SECONDS = 20.0


@pytest.fixture
def client(cluster: Cluster) -> Iterator[redis.Redis]:
    with closing(connect(parse_redis_url(cluster.url), 4)) as connected:
        yield connected


def test_commands_reach_a_slot_while_it_moves_and_afterwards(
    cluster: Cluster, client: redis.Redis
) -> None:
    source = cluster.master_of("{moving}")
    target = next(node for node in cluster.masters() if node is not source)
    count = client.register_script(COUNT)
    client.set("{moving}:old", "stays")
    slot = source.ask("CLUSTER KEYSLOT", "{moving}")
    target.ask("CLUSTER SETSLOT", slot, "IMPORTING", source.ask("CLUSTER MYID"))
    source.ask("CLUSTER SETSLOT", slot, "MIGRATING", target.ask("CLUSTER MYID"))
    # The source answers with ASK for keys that it does not have.
    assert client.get("{moving}:old") == "stays"
    assert client.set("{moving}:new", "came") is True
    assert client.get("{moving}:new") == "came"
    assert [count(keys=["{moving}:count"]) for _ in range(2)] == [1, 2]
    with client.pipeline(transaction=False) as pipeline:
        pipeline.incr("{moving}:count")
        pipeline.publish("somewhere", "something")
        pipeline.get("{moving}:new")
        assert pipeline.execute() == [3, 0, "came"]
    assert source.ask("CLUSTER COUNTKEYSINSLOT", slot) == 1

    source.ask("MIGRATE", HOST, target.port, "{moving}:old", 0, 1000, "AUTH", cluster.password)
    for node in (target, source):
        node.ask("CLUSTER SETSLOT", slot, "NODE", target.ask("CLUSTER MYID"))
    assert client.get("{moving}:old") == "stays"
    with client.pipeline(transaction=True) as pipeline:
        pipeline.incr("{moving}:count")
        pipeline.delete("{moving}:old")
        assert pipeline.execute() == [4, 1]
    assert count(keys=["{moving}:count"]) == 5


def test_a_script_whose_answer_did_not_come_is_never_sent_again(
    cluster: Cluster, client: redis.Redis
) -> None:
    count = client.register_script(COUNT)
    assert count(keys=["counted"]) == 1
    master = cluster.master_of("counted")
    # The server holds commands for longer than the client waits, and drops them when the connection
    # closes. A command that was sent a second time would be executed after the pause.
    master.ask("CLIENT PAUSE", 1500, "WRITE")
    begun = time.monotonic()
    with pytest.raises(redis.TimeoutError):
        count(keys=["counted"])
    assert time.monotonic() - begun < BOUND_SECONDS
    master.ask("SET", "{counted}:after", "the pause")
    assert master.ask("GET", "counted") == "1"


def test_one_wait_bounds_a_thread_however_many_masters_are_frozen(
    cluster: Cluster, client: redis.Redis
) -> None:
    names = [f"{{{number}}}" for number in range(30)]
    for name in names:
        client.set(name, "here")
    for node in cluster.nodes:
        node.pause()
    begun = time.monotonic()
    for name in names:
        with pytest.raises(redis.RedisError):
            client.get(name)
    taken = time.monotonic() - begun
    cluster.restore()
    assert taken < BOUND_SECONDS
    await_true(lambda: works(client, names), RECOVERY_SECONDS)


def works(client: redis.Redis, names: list[str]) -> bool:
    try:
        return all(client.get(name) == "here" for name in names) and client.ping()
    except redis.RedisError:
        return False


def test_a_subscription_leaves_a_server_that_is_no_longer_the_master(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "PING_SECONDS", 1.0)
    old = cluster.master_of(keys.CACHED_BOARD)
    heard: list[str] = []
    renewed = threading.Semaphore(0)
    with closing(connect_subscriber(parse_redis_url(cluster.url))) as client:
        subscribed = Subscription(client, {"news": heard.append}, renewed.release)
        thread = threading.Thread(target=subscribed.run, args=(lambda: None,))
        thread.start()
        try:
            assert renewed.acquire(timeout=RECOVERY_SECONDS)
            assert dict(old.ask("PUBSUB NUMSUB", "news")) == {"news": 1}
            cluster.replica_of(old).ask("CLUSTER FAILOVER")
            await_true(lambda: cluster.master_of(keys.CACHED_BOARD) is not old, RECOVERY_SECONDS)
            # A failing command refreshes the topology, as the system's own commands do.
            client.exists(keys.CACHED_BOARD)
            assert renewed.acquire(timeout=RECOVERY_SECONDS)
            assert dict(old.ask("PUBSUB NUMSUB", "news")) == {"news": 0}
            client.publish("news", "of the new master")
            await_true(lambda: heard == ["of the new master"], RECOVERY_SECONDS)
        finally:
            subscribed.stop()
            thread.join()


def test_a_cluster_that_starts_after_the_client_is_found(tmp_path: Path) -> None:
    node = ClusterNode(tmp_path / "late", password := new_password())
    with closing(
        connect(parse_redis_url(f"redis+cluster://:{password}@{HOST}:{node.port}"), 2)
    ) as client:
        for _ in range(2):
            begun = time.monotonic()
            with pytest.raises(redis.ConnectionError):
                client.get("anything")
            assert time.monotonic() - begun < BOUND_SECONDS
        with node:
            node.ask("CLUSTER ADDSLOTSRANGE", 0, SLOTS - 1)
            await_true(lambda: works(client, []), RECOVERY_SECONDS)
            assert client.set("anything", "goes") is True


def test_whether_an_account_is_flagged_is_read_from_the_server_of_its_slot(
    client: redis.Redis,
) -> None:
    cache, now = SessionCache(client, lifetime_seconds=60), int(time.time() * 1000)
    assert cache.read_flag("unknown") is None
    for user_id, ends_in_ms, flagged in (("ada", 60_000, True), ("bob", -1, False)):
        cache.store_account(user_id, Account("flagged", 1, now - 1000, now + ends_in_ms))
        assert cache.read_flag(user_id) is flagged


def test_a_pipeline_over_two_slots_and_a_command_without_a_key_are_refused(
    client: redis.Redis,
) -> None:
    with client.pipeline(transaction=False) as pipeline:
        pipeline.get("{one}")
        pipeline.get("{two}")
        with pytest.raises(redis.RedisError, match="one slot"):
            pipeline.execute()
    for call in (client.flushall, lambda: client.eval("return 1", 0)):
        with pytest.raises(redis.RedisError, match="names no key"):
            call()
