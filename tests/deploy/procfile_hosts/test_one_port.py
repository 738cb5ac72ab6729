"""Page, API and WebSocket on one port, as deploy/one-port.sh runs them."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests

from tests.support.broadcaster.event_stream import EventStreamClient
from tests.support.environment import base_environment
from tests.support.servers import ROOT, DatabaseServer, Stores, redis_server
from tests.support.system.harness import await_health, free_ports
from tests.support.system.player import PASSWORD, Player
from tests.support.system.viewer import ViewerClient
from tests.support.waiting import await_true
from tools.local.embedded_server import reserve_port
from tools.local.processes import end, ended, spawn
from tools.local.procfile import read_procfile

pytestmark = pytest.mark.slow
LOGINS = 3
STOP_SECONDS = 40
"""For a busy machine."""


@dataclass(frozen=True)
class OnePortSite:
    """A running site; `url` is its only public address."""

    url: str
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.url.removeprefix("http://").split(":")
        return host, int(port)

    def server(self, words: str) -> psutil.Process:
        """The first process whose command line has these words."""
        for each in psutil.Process(self.process.pid).children(recursive=True):
            if words in " ".join(each.cmdline()):
                return each
        raise LookupError(words)


@contextmanager
def port_before_a_free_one() -> Iterator[int]:
    """A free port whose successor, which deploy/one-port.sh gives to the API, is reserved too."""
    with ExitStack() as stack:
        while True:
            (port,) = free_ports(1)
            try:
                stack.enter_context(reserve_port("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            break
        yield port


@contextmanager
def one_port(stores: Stores, folder: Path) -> Iterator[OnePortSite]:
    with port_before_a_free_one() as port, site_at(port, stores, folder) as site:
        yield site


@contextmanager
def site_at(port: int, stores: Stores, folder: Path) -> Iterator[OnePortSite]:
    command = read_procfile(ROOT / "deploy" / "Procfile.one-port")["web"]
    variables = base_environment() | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DATABASE_URL": stores.database_url,
        "REDIS_URL": stores.redis_url,
        "PORT": str(port),
        "ALLOWED_ORIGINS": f"http://127.0.0.1:{port}",
        "WEB_WORKERS": "1",
        "AUTH_LIMIT": f"{LOGINS} per minute",
    }
    with (folder / "site.log").open("wb") as output:
        process = spawn(command, output=output, environment=variables)
    try:
        await_health(f"http://127.0.0.1:{port}")
        await_health(f"http://127.0.0.1:{port}/api")
        yield OnePortSite(f"http://127.0.0.1:{port}", process)
    finally:
        end(process, (signal.SIGTERM, STOP_SECONDS))


@pytest.fixture(scope="module")
def stores(postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        yield Stores(postgres.create(), server.url)


@pytest.fixture(scope="module")
def site(stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnePortSite]:
    with one_port(stores, tmp_path_factory.mktemp("logs")) as running:
        yield running


def test_page_api_and_websocket_are_at_one_address(site: OnePortSite) -> None:
    page = requests.get(site.url, timeout=10)
    assert 'data-websocket-url="/ws"' in page.text
    authority = site.url.removeprefix("http://")
    assert f"ws://{authority} wss://{authority}" in page.headers["Content-Security-Policy"]
    player = Player.register(site.url)
    websocket_url = f"ws://{authority}/ws"
    with ViewerClient(websocket_url, player.access_token, origin=site.url) as viewer:
        version = player.score_point()["boardVersion"]
        board = viewer.await_board(version, 10)["leaderboard"]
    assert [row["score"] for row in board if row["userId"] == player.user_id] == [1]


def test_the_event_stream_is_at_the_same_address(site: OnePortSite) -> None:
    with closing(EventStreamClient(site.url)) as client:
        assert client.next().data["leaderboard"] is not None


def test_each_process_shows_its_own_metrics(site: OnePortSite) -> None:
    assert "scoreboard_viewers " in requests.get(f"{site.url}/metrics", timeout=10).text
    # The API has got the request through a proxy, so loopback doesn't count.
    assert requests.get(f"{site.url}/api/metrics", timeout=10).status_code in {401, 403}


def test_a_client_cannot_choose_the_address_by_which_it_counts(site: OnePortSite) -> None:
    def login(address: str) -> int:
        body = {"username": "nobody_at_all", "password": PASSWORD}
        headers = {"X-Forwarded-For": address, "X_Forwarded_For": address}
        reply = requests.post(f"{site.url}/api/auth/login", json=body, headers=headers, timeout=10)
        return reply.status_code

    statuses = [login(f"192.0.2.{number}") for number in range(LOGINS + 1)]
    assert statuses == [401] * LOGINS + [429]


def test_a_body_of_either_framing_reaches_the_api(site: OnePortSite) -> None:
    body = b'{"username": "x"}'
    url = f"{site.url}/api/auth/register"
    headers = {"Content-Type": "application/json"}
    for data in (body, iter([body[:5], body[5:]])):
        reply = requests.post(url, data=data, headers=headers, timeout=10)
        assert reply.json()["code"] in {"VALIDATION_ERROR", "RATE_LIMITED"}
        assert "details" in reply.json() or reply.status_code == 429


def test_a_second_request_behind_the_first_one_is_not_answered(site: OnePortSite) -> None:
    health = b"GET /api/health/live HTTP/1.1\r\nHost: x\r\n"
    second = health + b"X-Forwarded-For: 192.0.2.1\r\n\r\n"
    for connection in (b"", b"Connection: keep-alive\r\n", b"connection : keep-alive\r\n"):
        with socket.create_connection(site.address, 10) as sock:
            sock.sendall(health + connection + b"\r\n" + second)
            received = b""
            while data := sock.recv(65536):
                received += data
        assert received.count(b"HTTP/1.1 ") == 1


def test_a_header_on_several_lines_is_refused(site: OnePortSite) -> None:
    with socket.create_connection(site.address, 10) as sock:
        sock.sendall(b"GET /api/health HTTP/1.1\r\nHost: x\r\nConnection: a\r\n b: c\r\n\r\n")
        assert sock.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_a_stop_ends_both_processes(stores: Stores, tmp_path: Path) -> None:
    with one_port(stores, tmp_path) as site:
        children = psutil.Process(site.process.pid).children(recursive=True)
        assert len(children) >= 3
        site.process.send_signal(signal.SIGTERM)
        assert site.process.wait(STOP_SECONDS) == 0
        assert all(ended(each) for each in children)


@pytest.mark.parametrize("server", ["gunicorn wsgi:app", "-m broadcaster"])
def test_if_one_process_ends_the_other_one_ends_too(
    stores: Stores, tmp_path: Path, server: str
) -> None:
    with one_port(stores, tmp_path) as site:
        children = psutil.Process(site.process.pid).children(recursive=True)
        site.server(server).kill()
        assert site.process.wait(STOP_SECONDS) != 0
        await_true(lambda: all(ended(each) for each in children), STOP_SECONDS)


def test_the_procfile_migrates_as_the_other_ones_do() -> None:
    one, several = (read_procfile(ROOT / name) for name in ("deploy/Procfile.one-port", "Procfile"))
    assert one["release"] == several["release"]
    assert shlex.join(one["web"]) == "bash deploy/one-port.sh"
    assert set(one) == {"release", "web"}
