"""A host that runs a Procfile: a shell runs its lines with the variables that such hosts set."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from config.settings import VARIABLES
from tests.cluster.tls_server import BINARY, TlsServer
from tests.support.environment import base_environment
from tests.support.servers import ROOT, DatabaseServer
from tests.support.system.harness import await_health, free_ports
from tests.support.system.player import Player
from tests.support.system.viewer import ViewerClient
from tools.local.processes import end, spawn

REQUIRED = {variable.name for variable in VARIABLES if variable.default is None}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BINARY, reason="Debian's redis-server is not installed"),
]


def line(procfile: str, process: str) -> str:
    """The command of that process as it is written, for a shell."""
    lines = (ROOT / procfile).read_text().splitlines()
    return next(each for each in lines if each.startswith(f"{process}: ")).partition(": ")[2]


class Host:
    """A hosting platform: its databases, and the environment that it gives to each app."""

    def __init__(self, database_url: str, redis_server: TlsServer) -> None:
        self._config = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": "/nonexistent",
            "DATABASE_URL": database_url.replace("postgresql://", "postgres://"),
            "REDIS_URL": redis_server.url.partition("?")[0],
            # The server has a self-signed certificate, as on Heroku.
            "REDIS_URL_PARAMETERS": "ssl_cert_reqs=none",
            "ACTION_TOKEN_SECRET": secrets.token_urlsafe(48),
            "JWT_PRIVATE_KEY": base_environment()["JWT_PRIVATE_KEY"],
        }
        assert set(self._config) == {"PATH", "HOME", "REDIS_URL_PARAMETERS"} | REQUIRED

    def run(self, command: str, **config: str) -> subprocess.CompletedProcess[str]:
        """Run a line to its end."""
        return subprocess.run(
            ["sh", "-c", command],
            cwd=ROOT,
            env=self._config | config,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @contextmanager
    def app(self, command: str, port: int, log: Path, **config: str) -> Iterator[str]:
        """Run a line as an app on the PORT that the host chose; gives the app's URL."""
        variables = self._config | {"PORT": str(port)} | config
        with log.open("wb") as output:
            # exec, so that signals reach the process; env, because exec takes no assignments.
            process = spawn(
                ["sh", "-c", f"exec env {command}"], output=output, environment=variables
            )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            end(process, (signal.SIGTERM, 10))


@pytest.fixture(scope="module")
def host(postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with TlsServer(tmp_path_factory.mktemp("redis")) as server:
        yield Host(postgres.create(migrated=False), server)


def test_web_and_broadcaster_in_two_apps_make_one_site(host: Host, tmp_path: Path) -> None:
    release = host.run(line("Procfile", "release"))
    assert release.returncode == 0, release.stderr
    web_port, broadcaster_port = free_ports(2)
    origin, websocket = (
        f"http://127.0.0.1:{web_port}",
        f"ws://127.0.0.1:{broadcaster_port}/ws",
    )
    # The default would be every address; the next test covers it.
    loopback = {"HOST": "127.0.0.1"}
    broadcaster = line("deploy/Procfile.broadcaster", "web")
    with (
        host.app(
            line("Procfile", "web"), web_port, tmp_path / "web", WEBSOCKET_URL=websocket, **loopback
        ) as url,
        host.app(
            broadcaster,
            broadcaster_port,
            tmp_path / "broadcaster",
            ALLOWED_ORIGINS=origin,
            **loopback,
        ) as other,
    ):
        await_health(url)
        await_health(other)
        assert f'data-websocket-url="{websocket}"' in requests.get(url, timeout=10).text
        player = Player.register(url)
        with ViewerClient(websocket, player.access_token, origin=origin) as watcher:
            version = player.score_point()["boardVersion"]
            assert watcher.await_board(version, 10)["leaderboard"][0]["score"] == 1


def test_by_default_both_processes_listen_on_every_address_at_the_hosts_port(host: Host) -> None:
    printed = host.run(f"{line('Procfile', 'web')} --print-config", PORT="54321")
    assert re.search(r"^bind +(= )?\W+0\.0\.0\.0:54321\W+$", printed.stdout, re.MULTILINE)
    where = "from config.settings import *; s = load_settings(); print(s.host, s.broadcaster_port)"
    command = line("deploy/Procfile.broadcaster", "web").replace(
        "python -m broadcaster", f"python -c '{where}'"
    )
    assert host.run(command, PORT="54321").stdout == "0.0.0.0 54321\n"


def test_the_log_of_release_names_an_invalid_setting(host: Host) -> None:
    failed = host.run(line("Procfile", "release"), ACTION_TOKEN_SECRET="short")
    assert failed.returncode != 0
    assert "ACTION_TOKEN_SECRET must be at least 32 bytes" in failed.stderr
