"""The system as docker-compose.yml runs it: with its settings, a read-only root and the edge."""

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

from tests.deploy.containers.compose import SERVICES, environment
from tests.deploy.edge import CADDY, Edge, client_at, edge
from tests.support.servers import ROOT, DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness, free_ports
from tests.support.system.player import PASSWORD, Player
from tests.support.system.viewer import ViewerClient
from tools.secrets_file import missing_secrets

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CADDY, reason="Debian's caddy is not installed"),
]
LOGINS = 3
METRICS_TOKEN = "0123456789abcdef"
# Runs in a mount namespace of its own: a read-only root, and TMPDIR as the tmpfs of Compose.
READ_ONLY = (
    'mount --make-rprivate / && mount -o remount,ro,bind / && mount -t tmpfs tmpfs "$TMPDIR" '
    '&& exec "$@"'
)


def read_only_wrapper() -> Sequence[str]:
    """The words before a command that give it a read-only root; empty if the machine forbids it."""
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
    """A server that takes over a port; answers 204."""

    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()


@dataclass(frozen=True)
class EdgeSite:
    """A system and the edge in front of it."""

    system: SystemHarness
    edge: Edge
    read_only: bool


@pytest.fixture(scope="module")
def site(postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeSite]:
    folder = tmp_path_factory.mktemp("site")
    (port,) = free_ports(1)
    dot_env = missing_secrets("") | {
        "SITE_ORIGIN": f"http://127.0.0.1:{port}",
        "WEBSOCKET_URL": f"ws://127.0.0.1:{port}/ws",
    }
    composed = environment("web", **dot_env)
    # Only these: the other variables name hosts of the containers' network.
    variables = {
        name: composed[name] for name in ("TRUSTED_PROXY_HOPS", "ALLOWED_ORIGINS", "WEBSOCKET_URL")
    }
    variables |= {"MAX_VIEWERS_PER_ADDRESS": "1", "METRICS_TOKEN": METRICS_TOKEN}
    variables |= {"AUTH_LIMIT": f"{LOGINS} per minute", "TMPDIR": str(tmp_path_factory.mktemp("t"))}
    wrapper = read_only_wrapper()
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        with (
            SystemHarness(stores, folder, variables=variables, wrapper=wrapper) as system,
            edge(port, system.ports[0], system.broadcaster_port, folder) as served,
        ):
            yield EdgeSite(system, served, bool(wrapper))


def test_page_api_and_websocket_share_one_origin(site: EdgeSite) -> None:
    page = requests.get(site.edge.origin, timeout=10)
    assert f'data-websocket-url="{site.edge.websocket_url}"' in page.text
    allowed = page.headers["Content-Security-Policy"].split("connect-src ")[1].split(";")[0]
    assert allowed == f"'self' {site.edge.websocket_url.removesuffix('/ws')} {site.edge.origin}"
    player = Player.register(site.edge.origin)
    with ViewerClient(
        site.edge.websocket_url, player.access_token, origin=site.edge.origin
    ) as watcher:
        version = player.score_point()["boardVersion"]
        board = watcher.await_board(version, 10)["leaderboard"]
    assert [row["score"] for row in board if row["userId"] == player.user_id] == [1]


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_the_edge_compresses_pages_scripts_and_replies(site: EdgeSite, encoding: str) -> None:
    for path in ("/", "/openapi.json", "/assets/client/watch/board-socket.js"):
        url = site.edge.origin + path
        with requests.get(
            url, headers={"Accept-Encoding": encoding}, timeout=10, stream=True
        ) as reply:
            assert reply.headers["Content-Encoding"] == encoding
            size = len(reply.raw.read(decode_content=False))
        plain = requests.get(url, headers={"Accept-Encoding": "identity"}, timeout=10)
        assert "Content-Encoding" not in plain.headers
        assert plain.status_code == 200
        assert size < len(plain.content) / 2


def test_the_edge_hides_the_metrics(site: EdgeSite) -> None:
    for path in ("/metrics", "/api/metrics", "/api/metrics/", "//metrics", "/api//metrics"):
        reply = requests.get(site.edge.origin + path, timeout=10)
        # An empty body comes from the edge; the API would answer with JSON.
        assert (reply.status_code, reply.text) == (404, "")
    # A proxy on this machine looks like a process of this machine.
    assert requests.get(f"{site.system.url}/metrics", timeout=10).status_code == 401
    with_token = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    reply = requests.get(f"{site.system.url}/metrics", headers=with_token, timeout=10)
    assert reply.status_code == 200


def test_each_client_counts_by_its_own_address_and_cannot_choose_another(site: EdgeSite) -> None:
    spoofer, neighbour = client_at("127.0.0.2"), client_at("127.0.0.3")

    def login(client: requests.Session, **headers: str) -> int:
        body = {"username": "nobody_at_all", "password": PASSWORD}
        url = f"{site.edge.origin}/api/auth/login"
        return client.post(url, json=body, headers=headers, timeout=10).status_code

    for number in range(LOGINS):
        address = f"192.0.2.{number}"
        spoofed = {
            "X-Forwarded-For": address,
            "Forwarded": f"for={address}",
            "X-Real-IP": address,
        }
        assert login(spoofer, **spoofed) == 401
    assert login(spoofer, **{"X-Forwarded-For": "192.0.2.99"}) == 429
    assert login(spoofer, **{"X-Forwarded-For": "127.0.0.3, 192.0.2.98"}) == 429
    assert login(neighbour) == 401


def test_each_viewer_counts_by_its_own_address_and_cannot_choose_another(site: EdgeSite) -> None:
    token = Player.register(site.edge.origin).access_token

    def watch(address: str, **headers: str) -> ClientConnection:
        headers["Authorization"] = f"Bearer {token}"
        return connect(
            site.edge.websocket_url, additional_headers=headers, source_address=(address, 0)
        )

    def first_event(viewer: ClientConnection) -> str:
        event: str = json.loads(viewer.recv(10))["event"]
        return event

    with watch("127.0.0.2") as spoofer, watch("127.0.0.3") as neighbour:
        assert first_event(spoofer) == first_event(neighbour) == "connected"
        with watch("127.0.0.2", **{"X-Forwarded-For": "192.0.2.1"}) as again:
            assert first_event(again) == "disconnect"
            with pytest.raises(ConnectionClosed) as closed:
                again.recv(10)
        assert closed.value.rcvd
        assert closed.value.rcvd.code == 4429


def test_requests_wait_while_a_server_is_replaced(site: EdgeSite, tmp_path: Path) -> None:
    port, web_port = free_ports(2)
    with (
        edge(port, web_port, site.system.broadcaster_port, tmp_path) as served,
        ThreadPoolExecutor() as threads,
        HTTPServer(("127.0.0.1", web_port), Successor, bind_and_activate=False) as successor,
    ):
        successor.server_bind()
        request = threads.submit(requests.get, served.origin, timeout=10)
        # The port is bound, but refuses connections until it listens.
        with pytest.raises(FuturesTimeout):
            request.result(0.3)
        successor.server_activate()
        successor.handle_request()
        assert request.result(10).status_code == 204


def test_the_edges_log_holds_no_token(site: EdgeSite, tmp_path: Path) -> None:
    (port, unused_port) = free_ports(2)
    with edge(port, site.system.ports[0], unused_port, tmp_path) as running:
        reply = requests.get(
            f"{running.origin}/ws?token=a-secret",
            headers={
                "Sec-WebSocket-Protocol": "bearer, a-secret",
                "Authorization": "Bearer a-secret",
            },
            timeout=10,
        )
        assert reply.status_code == 502
        running.await_log("REDACTED")
        assert "a-secret" not in running.log()


@pytest.mark.parametrize(
    ("variable", "process"), [("PORT", "web"), ("BROADCASTER_PORT", "broadcaster")]
)
def test_the_healthcheck_fails_if_the_process_does_not_answer(
    site: EdgeSite, variable: str, process: str
) -> None:
    ports = {"PORT": site.system.ports[0], "BROADCASTER_PORT": site.system.broadcaster_port}
    command = ["deploy/alive.py", variable, "1"]
    if process == "broadcaster":
        assert SERVICES[process]["healthcheck"]["test"][1:] == ["python", *command[:2], "8001"]

    def check(port: int | None) -> int:
        variables = {} if port is None else {variable: str(port)}
        return subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=variables, check=False, timeout=30
        ).returncode

    assert check(ports[variable]) == 0
    assert check(None) == 1
    (unused_port,) = free_ports(1)
    assert check(unused_port) == 1


def test_the_processes_write_only_to_tmpfs(site: EdgeSite) -> None:
    if not site.read_only:
        pytest.skip("this machine allows no mount namespaces")
    # The tests above have used every part of the system.
    for process in (*site.system.web, *site.system.broadcasters):
        with pytest.raises(OSError, match="Read-only") as refused:
            Path(f"/proc/{process.pid}/root/{ROOT}/written").touch()
        assert refused.value.errno == errno.EROFS
        assert process.poll() is None
