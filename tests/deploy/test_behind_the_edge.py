"""The system as docker-compose.yml runs it: its settings, a read-only root, the edge in front."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FuturesTimeout
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.deploy.compose import SERVICES, environment
from tests.deploy.edge import CADDY, Edge, client_at, edge
from tests.servers import ROOT, DatabaseServer, Stores, redis_server
from tests.system.player import PASSWORD, Player
from tests.system.running import RunningSystem, free_ports
from tests.system.watching import Watcher

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CADDY, reason="Debian's caddy is not installed"),
]
LOGINS = 3
# The mounts are this process's own affair; whoever it becomes at the end sees a root that can't be
# written to, and what compose calls tmpfs.
READ_ONLY = (
    'mount --make-rprivate / && mount -o remount,ro,bind / && mount -t tmpfs tmpfs "$TMPDIR" '
    '&& exec "$@"'
)


def read_only_wrapper() -> Sequence[str]:
    """What starts a command with a read-only root; empty where the machine doesn't let us."""
    wrapper = ["unshare", "--mount", "sh", "-ec", READ_ONLY, "sh"]
    with tempfile.TemporaryDirectory() as folder:
        tried = subprocess.run(
            [*wrapper, "true"],
            env=os.environ | {"TMPDIR": folder},
            capture_output=True,
            check=False,
        )
    return wrapper if tried.returncode == 0 else ()


class Successor(BaseHTTPRequestHandler):
    """Answers that it is there."""

    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()


@dataclass(frozen=True)
class Site:
    """The system and the edge that stands before it."""

    system: RunningSystem
    edge: Edge
    read_only: bool


@pytest.fixture(scope="module")
def site(postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    (port,) = free_ports(1)
    dot_env = {
        "SITE_ORIGIN": f"http://127.0.0.1:{port}",
        "WEBSOCKET_URL": f"ws://127.0.0.1:{port}/ws",
        "POSTGRES_PASSWORD": "unused",
    }
    told = environment("web", **dot_env)
    # Where the containers' own network stands for what is 127.0.0.1 here.
    variables = {
        name: told[name] for name in ("TRUSTED_PROXY_HOPS", "ALLOWED_ORIGINS", "WEBSOCKET_URL")
    }
    # One worker, to spare the machine.
    variables |= {"WEB_WORKERS": "1", "MAX_VIEWERS_PER_ADDRESS": "1"}
    variables |= {"AUTH_LIMIT": f"{LOGINS} per minute", "TMPDIR": str(tmp_path_factory.mktemp("t"))}
    wrapper = read_only_wrapper()
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        with (
            RunningSystem(stores, folder, variables=variables, wrapper=wrapper) as system,
            edge(port, system.ports[0], system.broadcaster_port, folder) as served,
        ):
            yield Site(system, served, bool(wrapper))


def test_page_api_and_websocket_share_one_origin(site: Site) -> None:
    page = requests.get(site.edge.origin, timeout=10)
    assert f'data-websocket-url="{site.edge.websocket_url}"' in page.text
    allowed = page.headers["Content-Security-Policy"].split("connect-src ")[1].split(";")[0]
    assert allowed == f"'self' {site.edge.websocket_url.removesuffix('/ws')}"
    player = Player.register(site.edge.origin)
    with Watcher(site.edge.websocket_url, player.access_token, origin=site.edge.origin) as watcher:
        version = player.score_point()["boardVersion"]
        board = watcher.await_board(version, 10)["leaderboard"]
    assert [row["score"] for row in board if row["userId"] == player.user_id] == [1]


def test_metrics_are_not_the_publics(site: Site) -> None:
    for path in ("/metrics", "/api/metrics", "/api/metrics/", "//metrics", "/api//metrics"):
        reply = requests.get(site.edge.origin + path, timeout=10)
        # The edge's own words, none; the API's would be JSON.
        assert (reply.status_code, reply.text) == (404, "")
    assert requests.get(f"{site.system.url}/metrics", timeout=10).status_code == 200


def test_two_clients_are_two_addresses_and_none_can_choose_its_own(site: Site) -> None:
    liar, neighbour = client_at("127.0.0.2"), client_at("127.0.0.3")

    def login(client: requests.Session, **headers: str) -> int:
        body = {"username": "nobody_at_all", "password": PASSWORD}
        url = f"{site.edge.origin}/api/auth/login"
        return client.post(url, json=body, headers=headers, timeout=10).status_code

    for number in range(LOGINS):
        told = f"192.0.2.{number}"
        spoofed = {"X-Forwarded-For": told, "Forwarded": f"for={told}", "X-Real-IP": told}
        assert login(liar, **spoofed) == 401
    assert login(liar, **{"X-Forwarded-For": "192.0.2.99"}) == 429
    assert login(liar, **{"X-Forwarded-For": "127.0.0.3, 192.0.2.98"}) == 429
    assert login(neighbour) == 401


def test_two_viewers_are_two_addresses_and_none_can_choose_its_own(site: Site) -> None:
    token = Player.register(site.edge.origin).access_token

    def watch(address: str, **headers: str) -> ClientConnection:
        headers["Authorization"] = f"Bearer {token}"
        return connect(
            site.edge.websocket_url, additional_headers=headers, source_address=(address, 0)
        )

    def first_event(viewer: ClientConnection) -> str:
        event: str = json.loads(viewer.recv(10))["event"]
        return event

    with watch("127.0.0.2") as liar, watch("127.0.0.3") as neighbour:
        assert first_event(liar) == first_event(neighbour) == "connected"
        with watch("127.0.0.2", **{"X-Forwarded-For": "192.0.2.1"}) as again:
            assert first_event(again) == "disconnect"
            with pytest.raises(ConnectionClosed) as closed:
                again.recv(10)
        assert closed.value.rcvd
        assert closed.value.rcvd.code == 4429


def test_a_server_that_is_being_replaced_is_waited_for(site: Site, tmp_path: Path) -> None:
    port, web_port = free_ports(2)
    with (
        edge(port, web_port, site.system.broadcaster_port, tmp_path) as served,
        ThreadPoolExecutor() as threads,
        HTTPServer(("127.0.0.1", web_port), Successor, bind_and_activate=False) as successor,
    ):
        successor.server_bind()
        asked = threads.submit(requests.get, served.origin, timeout=10)
        # Whoever connects is refused until it listens.
        with pytest.raises(FuturesTimeout):
            asked.result(0.3)
        successor.server_activate()
        successor.handle_request()
        assert asked.result(10).status_code == 204


def test_no_token_comes_into_the_edges_log(site: Site, tmp_path: Path) -> None:
    (port, nobody) = free_ports(2)
    with edge(port, site.system.ports[0], nobody, tmp_path) as lonely:
        reply = requests.get(
            f"{lonely.origin}/ws?token=a-secret",
            headers={
                "Sec-WebSocket-Protocol": "bearer, a-secret",
                "Authorization": "Bearer a-secret",
            },
            timeout=10,
        )
        assert reply.status_code == 502
        assert "REDACTED" in lonely.log()
        assert "a-secret" not in lonely.log()


@pytest.mark.parametrize(
    ("variable", "process"), [("PORT", "web"), ("BROADCASTER_PORT", "broadcaster")]
)
def test_the_healthcheck_tells_who_answers_from_who_does_not(
    site: Site, variable: str, process: str
) -> None:
    ports = {"PORT": site.system.ports[0], "BROADCASTER_PORT": site.system.broadcaster_port}
    command = ["deploy/alive.py", variable, "1"]
    if process == "broadcaster":
        assert SERVICES[process]["healthcheck"]["test"][1:] == ["python", *command[:2], "8001"]

    def check(port: int | None) -> int:
        told = {} if port is None else {variable: str(port)}
        return subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=told, check=False, timeout=30
        ).returncode

    assert check(ports[variable]) == 0
    assert check(None) == 1
    (nobody,) = free_ports(1)
    assert check(nobody) == 1


def test_nothing_is_written_but_to_tmpfs(site: Site) -> None:
    if not site.read_only:
        pytest.skip("this machine lets us mount nothing")
    # The tests above have used every part of them.
    for process in (*site.system.web, *site.system.broadcasters):
        with pytest.raises(OSError, match="Read-only") as refused:
            Path(f"/proc/{process.pid}/root/{ROOT}/written").touch()
        assert refused.value.errno == errno.EROFS
        assert process.poll() is None
