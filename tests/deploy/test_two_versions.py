"""An old and a new version side by side: while `release` migrates, and afterwards."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from tests.awaiting import await_true
from tests.cluster.load import Load
from tests.servers import ROOT, DatabaseServer, Stores, migrate, redis_server
from tests.system.running import RunningSystem
from tests.system.watching import Watcher

pytestmark = pytest.mark.slow


def git(*words: str) -> bytes:
    """What git says of this repository; empty where it knows nothing."""
    try:
        found = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        return b""
    return found.stdout if found.returncode == 0 else b""


@pytest.fixture(scope="module")
def before() -> Iterator[tuple[Path, str]]:
    """The code of just before the newest migration, out of git, and the revision that it knew."""
    migrations = ScriptDirectory(ROOT / "migrations")
    newest = migrations.get_revision("head")
    path = Path(newest.path).relative_to(ROOT)
    added = git("log", "-1", "--diff-filter=A", "--format=%H", "--", str(path)).decode().strip()
    # One that was not committed yet is newer than everything that was.
    packed = git("archive", f"{added}^" if added else "HEAD")
    if not packed:
        pytest.skip("the code before the newest migration is not in this clone's history")
    assert isinstance(newest.down_revision, str)
    with tempfile.TemporaryDirectory(prefix="scoreboard-before-") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        assert not (Path(folder) / path).exists()
        yield Path(folder), newest.down_revision


def smoke(root: Path, url: str) -> None:
    """That version's own walk through the whole contract."""
    walked = subprocess.run(
        ["bash", root / "tests/smoke.sh", url], capture_output=True, text=True, check=False
    )
    assert walked.returncode == 0, walked.stdout + walked.stderr


def test_the_old_version_works_on_the_new_tables_beside_the_new_version(
    before: tuple[Path, str], postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root, revision = before
    database_url = postgres.create(migrated=False)
    migrate(database_url, revision)
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(database_url, server.url)
        # One worker each, to spare the machine.
        few = {"WEB_WORKERS": "1"}
        there = ["env", f"--chdir={root}"]
        old_logs, new_logs = tmp_path_factory.mktemp("old"), tmp_path_factory.mktemp("new")
        old = RunningSystem(stores, old_logs, variables=few, wrapper=there)
        new = RunningSystem(stores, new_logs, variables=few)
        with old:
            player = old.register("Old")
            with Load([player]) as load:
                await_true(lambda: load.acknowledged[player.user_id], 30)
                migrate(database_url)
                after = load.acknowledged[player.user_id]
                with new:
                    await_true(lambda: load.acknowledged[player.user_id] > after, 30)
                    smoke(root, old.url)
                    smoke(ROOT, new.url)
                    newcomer = new.register("New")
                    # Each sees on its own screen what was done with the other.
                    with Watcher(old.websocket_url, newcomer.access_token) as watcher:
                        watcher.await_board(newcomer.score_point()["boardVersion"], 10)
                    with Watcher(new.websocket_url, newcomer.access_token) as watcher:
                        spent = newcomer.spend(newcomer.ask_token(), url=old.url)
                        watcher.await_board(spent.json()["boardVersion"], 10)
            score = player.call("GET", "/users/me").json()["score"]
    # Nobody was turned away for a moment, and each point was counted once, whatever ran meanwhile.
    assert (load.surprises, load.refused) == ([], 0)
    assert score == load.acknowledged[player.user_id]
