"""SIGHUP: new workers replace the old ones, and every request gets its answer."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from pathlib import Path

import psycopg2
import pytest
import requests

from app.scoring.action_tokens import ActionToken, ActionTokenCodec
from tests.support.environment import base_environment
from tests.support.servers import ROOT, Stores
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player
from tests.support.system.web_server import WebServer, web_server
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow
HUPS = 3
WORKERS = 2
PAUSES = (0.0, 0.0, 0.05, 0.5)
"""Seconds between a client's requests; a stopping worker keeps idle connections longer."""


@dataclass
class Client:
    """Spends tokens one after the other, and records requests without an HTTP answer as losses."""

    player: Player
    pause: float
    keep_alive: bool
    answers: Counter[int] = field(default_factory=Counter)
    asked: int = 0
    counted: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)

    def has_asked_more_than(self, count: int) -> bool:
        return self.asked > count

    def run(self, url: str, stop: threading.Event) -> None:
        codec = ActionTokenCodec(base_environment()["ACTION_TOKEN_SECRET"].encode())
        session = requests.Session()
        while not stop.wait(self.pause):
            self.asked += 1
            nonce = codec.new_nonce()
            token = codec.encode(ActionToken(self.player.user_id, int(time.time() * 1000), nonce))
            try:
                reply = (session if self.keep_alive else requests).post(
                    f"{url}/api/scores/increment",
                    json={"actionToken": token},
                    headers={"Authorization": f"Bearer {self.player.access_token}"},
                    timeout=30,
                )
            except requests.RequestException as error:
                self.losses.append(repr(error))
                continue
            self.answers[reply.status_code] += 1
            if reply.status_code == 200:
                self.counted.append(nonce)


@pytest.fixture
def system(stores: Stores, tmp_path: Path) -> SystemHarness:
    """The settings of a system that does not run; its points must not fill the shared board."""
    return SystemHarness(stores, tmp_path)


@contextmanager
def load(url: str, clients: list[Client]) -> Iterator[None]:
    stop = threading.Event()
    threads = [threading.Thread(target=client.run, args=(url, stop)) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def reload(server: WebServer) -> None:
    """Send SIGHUP; returns when all old workers have exited."""
    old = {worker.pid for worker in server.workers()}
    server.process.send_signal(signal.SIGHUP)
    await_true(lambda: not old & {worker.pid for worker in server.workers()}, 60)


def test_reloads_under_load_leave_no_request_without_an_answer(
    system: SystemHarness, tmp_path: Path
) -> None:
    with web_server(system, tmp_path, WEB_WORKERS=str(WORKERS)) as server:
        clients = [
            Client(Player.register(server.url), pause, keep_alive)
            for keep_alive in (True, False)
            for pause in PAUSES
        ]
        with load(server.url, clients):
            for _ in range(HUPS):
                before = [client.asked for client in clients]
                reload(server)
                # Each client has to reach the new workers before the next reload.
                for client, count in zip(clients, before, strict=True):
                    await_true(partial(client.has_asked_more_than, count + 1), 60)
        steps = [line["event"] for line in server.events()]
    for client in clients:
        assert client.losses == []
        assert set(client.answers) == {200}
        assert counted_in_postgres(system, client.player) == sorted(client.counted)
    # An old worker stops only when a new one serves, so that no connection waits for a start.
    changes = [{"serving": 1, "shutting_down": -1}.get(step, 0) for step in steps]
    assert min(accumulate(changes[steps.index("serving") + 1 :], initial=1)) >= 1
    assert changes.count(-1) == HUPS * WORKERS


def test_a_reload_brings_new_code_and_new_settings(
    system: SystemHarness, project_copy: Path, tmp_path: Path
) -> None:
    # An empty variable counts as unset, so the default applies.
    with web_server(system, tmp_path, root=project_copy, READ_LIMIT="") as server:
        assert shown(server) == ("6000", "The board")
        replace(
            project_copy / "config/rate_limit_settings.py", '"6000 per minute"', '"6543 per minute"'
        )
        replace(
            project_copy / "app/api/leaderboard.py",
            'description="The board"',
            'description="The newer board"',
        )
        reload(server)
        assert shown(server) == ("6543", "The newer board")


def shown(server: WebServer) -> tuple[str, str]:
    """The limit for reads, which comes from the settings, and the description from the code."""
    board = requests.get(f"{server.url}/api/leaderboard", timeout=10)
    document = requests.get(f"{server.url}/openapi.json", timeout=10).json()
    (described,) = [tag for tag in document["tags"] if tag["name"] == "leaderboard"]
    return board.headers["X-RateLimit-Limit"], described["description"]


def test_the_old_workers_keep_serving_if_a_reload_fails(
    system: SystemHarness, project_copy: Path, tmp_path: Path
) -> None:
    with web_server(system, tmp_path, root=project_copy) as server:
        old = {worker.pid for worker in server.workers()}
        for number, file in enumerate(("app/factory.py", "config/settings.py"), start=1):
            original = (project_copy / file).read_text()
            (project_copy / file).write_text("import no_such_module\n")
            server.process.send_signal(signal.SIGHUP)
            server.await_log("reload_failed", times=number)
            assert {worker.pid for worker in server.workers()} == old
            assert requests.get(f"{server.url}/api/health", timeout=10).ok
            (project_copy / file).write_text(original)
        reload(server)
        assert requests.get(f"{server.url}/api/health", timeout=10).ok
        server.process.terminate()
        assert server.exit_code() == 0


@pytest.fixture
def project_copy(tmp_path: Path) -> Path:
    """A copy of the project, which a test may change."""
    root = tmp_path / "project"
    for name in ("app", "config"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("wsgi.py", "gunicorn.conf.py"):
        shutil.copy(ROOT / name, root)
    return root


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def counted_in_postgres(system: SystemHarness, player: Player) -> list[str]:
    connection = psycopg2.connect(system.stores.database_url)
    with connection.cursor() as cursor:
        cursor.execute("select nonce from actions where user_id = %s", [player.user_id])
        nonces = sorted(nonce.replace("-", "") for (nonce,) in cursor.fetchall())
        cursor.execute("select score from users where id = %s", [player.user_id])
        assert cursor.fetchone() == (len(nonces),)
    connection.close()
    return nonces
