"""Several hosts on one machine: network namespaces, each with a link to the stores' namespace.

A namespace and its links exist as long as the process that holds it, and that process ends with the
tests. So nothing is left behind, and the machine's own network is never changed.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.waiting import await_true
from tools.local.embedded import EmbeddedPostgres, EmbeddedValkey
from tools.local.processes import end, spawn

STORES = "10.77.0.1"
_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Host:
    """A network namespace; `holder` is the id of the process that holds it."""

    address: str
    holder: int

    @property
    def network(self) -> Path:
        """The file that represents the namespace."""
        return Path(f"/proc/{self.holder}/ns/net")

    @property
    def wrapper(self) -> list[str]:
        """The words before a command that run it in the namespace, in the same process."""
        return ["nsenter", f"--net={self.network}"]

    def ip(self, words: str) -> None:
        """Run iproute2's `ip` in the namespace."""
        subprocess.run([*self.wrapper, "ip", *words.split()], check=True, timeout=10)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """During the block, new sockets, threads and children of this thread belong there."""
        with Path("/proc/thread-self/ns/net").open() as home, self.network.open() as target:
            _enter(target.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())


@dataclass(frozen=True)
class Network:
    """The hosts, and the namespace of the stores, to which each host has a link."""

    center: Host
    hosts: list[Host]

    def cut(self, host: Host) -> None:
        """Take the link down; packets are lost without an error."""
        self.center.ip(f"link set {self._link(host)} down")

    def heal(self, host: Host) -> None:
        """Undo `cut`."""
        self.center.ip(f"link set {self._link(host)} up")

    def _link(self, host: Host) -> str:
        return f"to{self.hosts.index(host)}"


class StoresPostgres(EmbeddedPostgres):
    """A PostgreSQL that the other hosts can reach."""

    host = STORES

    def _prepare(self) -> str | None:
        user = super()._prepare()
        access = self._cluster / "pg_hba.conf"
        rule = "host all all 10.77.0.0/16 scram-sha-256\n"
        if rule not in access.read_text():
            with access.open("a") as file:
                file.write(rule)
        return user


class StoresValkey(EmbeddedValkey):
    """A Valkey that the other hosts can reach."""

    host = STORES


@contextmanager
def network(number: int) -> Iterator[Network]:
    """A network of `number` hosts; skips the test if the machine allows no namespaces."""
    _skip_if_impossible()
    with ExitStack() as stack:
        center = _hold(stack, STORES)
        center.ip("link set lo up")
        center.ip(f"address add {STORES}/32 dev lo")
        built = Network(center, [])
        for each in range(number):
            # The end of the link at the stores has .1.
            host = _hold(stack, f"10.77.{each + 1}.2")
            gateway = f"10.77.{each + 1}.1"
            built.hosts.append(host)
            center.ip(f"link add to{each} type veth peer name uplink netns {host.holder}")
            center.ip(f"address add {gateway}/24 dev to{each}")
            center.ip(f"link set to{each} up")
            host.ip("link set lo up")
            host.ip(f"address add {host.address}/24 dev uplink")
            host.ip("link set uplink up")
            host.ip(f"route add default via {gateway}")
        yield built


def _hold(stack: ExitStack, address: str) -> Host:
    holder = spawn(["unshare", "--net", "sleep", "infinity"], end_signal=signal.SIGKILL)
    stack.callback(end, holder)
    host = Host(address, holder.pid)
    ours = Path("/proc/thread-self/ns/net").readlink()
    await_true(lambda: host.network.readlink() != ours, 10)
    return host


def _skip_if_impossible() -> None:
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    if not all(map(shutil.which, ("ip", "unshare", "nsenter"))):
        pytest.skip("Debian's iproute2 or util-linux is not installed")
    link = ["ip", "link", "add", "here", "type", "veth", "peer", "name", "there"]
    tried = subprocess.run(
        ["unshare", "--net", *link], capture_output=True, text=True, check=False, timeout=10
    )
    if tried.returncode != 0:
        pytest.skip(f"this machine allows no network namespaces: {tried.stderr.strip()}")


def _enter(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
