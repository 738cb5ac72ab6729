"""`make run LAN=1`: other machines in the network open the page and follow the board live."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Callable
from types import SimpleNamespace
from unittest.mock import patch

import psutil
import pytest
import requests
import segno
from websockets.exceptions import InvalidStatus

from config.settings import Settings, load_settings
from tests.support.environment import base_environment
from tests.support.servers import ROOT
from tests.support.system.player import Player
from tests.support.system.viewer import ViewerClient
from tests.tools.local.local_run import Start, eventually
from tools.local.network.hosts import origin, page_hosts
from tools.local.network.links import NO_ADDRESS, local_links, network_links

STORES = {"DATABASE_URL": "postgresql://u@h/d", "REDIS_URL": "redis://h:6379/0"}
INTERFACES = {
    "lo": ("127.0.0.1", True),
    "eth0": ("192.0.2.20", True),
    "wlan0": ("198.51.100.7", True),
    "unplugged": ("192.0.2.99", False),
    "without-dhcp": ("169.254.3.4", True),
}


def settings(**variables: str) -> Settings:
    with patch.dict("os.environ", base_environment() | STORES | variables, clear=True):
        return load_settings()


UseInterfaces = Callable[[dict[str, tuple[str, bool]]], None]


@pytest.fixture
def use_interfaces(monkeypatch: pytest.MonkeyPatch) -> UseInterfaces:
    """Sets the network interfaces that psutil finds: the address, and whether each is up."""

    def use(interfaces: dict[str, tuple[str, bool]]) -> None:
        addresses = {
            name: [
                SimpleNamespace(family=socket.AF_INET, address=address),
                SimpleNamespace(family=socket.AF_INET6, address="fe80::1%eth0"),
            ]
            for name, (address, _) in interfaces.items()
        }
        states = {name: SimpleNamespace(isup=up) for name, (_, up) in interfaces.items()}
        monkeypatch.setattr(psutil, "net_if_addrs", lambda: addresses)
        monkeypatch.setattr(psutil, "net_if_stats", lambda: states)

    return use


@pytest.mark.slow
def test_another_machine_loads_the_page_and_follows_the_board_live(start: Start) -> None:
    # Another loopback address stands for this machine's address in a network.
    run = start(command=["make", "run"], HOST="127.0.0.2")
    run.await_running()
    page = f"http://127.0.0.2:{run.environment['PORT']}"
    eventually(lambda: f"{page}/?display\n" in run.output)
    reply = requests.get(page, timeout=10)
    assert reply.status_code == 200
    websocket = f"ws://127.0.0.2:{run.environment['BROADCASTER_PORT']}"
    assert websocket in reply.headers["Content-Security-Policy"]

    player = Player.register(page)
    for allowed in (page, page.replace("127.0.0.2", "127.0.0.1")):
        with ViewerClient(f"{websocket}/ws", player.access_token, origin=allowed) as viewer:
            viewer.await_board(player.score_point()["boardVersion"], seconds=20)
    with pytest.raises(InvalidStatus):
        ViewerClient(f"{websocket}/ws", player.access_token, origin="http://evil.example")
    run.end()
    run.assert_nothing_left()


@pytest.mark.parametrize(
    ("words", "host"), [(["LAN=1"], "0.0.0.0"), (["LAN=0"], None), (["PORT=8080"], None)]
)
def test_only_lan_opens_a_run_to_the_network(words: list[str], host: str | None) -> None:
    command = ["make", "--dry-run", "--no-print-directory", "run", *words]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"HOST=(\S+)", printed) == ([host] if host else [])


def test_pages_of_the_network_come_first_and_loopback_stays_allowed(
    use_interfaces: UseInterfaces,
) -> None:
    use_interfaces(INTERFACES)
    for host in ("0.0.0.0", "::"):
        *network, address, name, ipv6_address = page_hosts(host)
        assert sorted(network) == ["192.0.2.20", "198.51.100.7"]
        assert (address, name, ipv6_address) == ("127.0.0.1", "localhost", "::1")
    assert page_hosts("192.0.2.20")[0] == "192.0.2.20"
    assert page_hosts("127.0.0.1") == ("127.0.0.1", "localhost", "::1")


def test_the_address_of_the_default_route_is_first(use_interfaces: UseInterfaces) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no default route")
        used = probe.getsockname()[0]
    use_interfaces({"bridge": ("10.0.0.1", True), "eth0": (used, True)})
    assert page_hosts("0.0.0.0")[:2] == (used, "10.0.0.1")


def test_other_machines_get_links_and_a_qr_code(use_interfaces: UseInterfaces) -> None:
    use_interfaces({"eth0": ("192.0.2.20", True)})
    printed = network_links(settings(HOST="0.0.0.0", PORT="8080"))
    assert "http://192.0.2.20:8080/\n" in printed
    assert "http://192.0.2.20:8080/?display\n" in printed
    rows = [line for line in printed.splitlines() if set(line) <= set("█▀▄ ") and line]
    # Each character shows two modules, one above the other; a dark module is left out.
    halves = {"█": (0, 0), "▀": (0, 1), "▄": (1, 0), " ": (1, 1)}
    shown = [[halves[character][half] for character in row] for row in rows for half in (0, 1)]
    expected = segno.make("http://192.0.2.20:8080/", micro=False).matrix_iter(border=4)
    modules = [list(row) for row in expected]
    assert shown[: len(modules)] == modules


def test_a_machine_without_a_network_says_so_in_one_sentence(
    use_interfaces: UseInterfaces,
) -> None:
    use_interfaces({"lo": ("127.0.0.1", True)})
    assert network_links(settings(HOST="0.0.0.0")) == NO_ADDRESS
    assert network_links(settings(HOST="127.0.0.1")) == ""


def test_links_and_origins_are_as_browsers_write_them() -> None:
    links = dict(local_links(settings(HOST="::1", PORT="8080")))
    assert links["live page"] == "http://[::1]:8080/"
    assert dict(local_links(settings(HOST="::", PORT="8080"))) == links
    assert origin("2001:db8::7", 8000) == "http://[2001:db8::7]:8000"
    # Browsers send an origin without the default port.
    assert origin("192.0.2.20", 80) == "http://192.0.2.20"
