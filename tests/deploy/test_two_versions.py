"""An old and a new version beside each other, during the migration and afterwards."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from tests.support.servers import ROOT, DatabaseServer, Stores, migrate, redis_server
from tests.support.system.harness import SystemHarness
from tests.support.system.scoring_players import ScoringPlayers
from tests.support.system.viewer import ViewerClient
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow


def git(*words: str) -> bytes:
    """The output of git for this repository; empty if it fails."""
    try:
        found = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        return b""
    return found.stdout if found.returncode == 0 else b""


@pytest.fixture(scope="module")
def before() -> Iterator[tuple[Path, str]]:
    """The code before the newest migration, from git, and its revision of the database."""
    migrations = ScriptDirectory(ROOT / "migrations")
    newest = migrations.get_revision("head")
    assert isinstance(newest.down_revision, str)
    path = Path(newest.path).relative_to(ROOT)
    added = git("log", "-1", "--diff-filter=A", "--format=%H", "--", str(path)).decode().strip()
    # If the migration is not committed yet, the last commit is the code before it.
    commit = f"{added}^" if added else "HEAD"
    packed = git("archive", commit)
    before = Path(migrations.get_revision(newest.down_revision).path).relative_to(ROOT)
    # A commit that adds several migrations has no such code before it.
    if not packed or not git("ls-tree", commit, "--", str(before)):
        pytest.skip("the code before the newest migration is not in this clone's history")
    with tempfile.TemporaryDirectory(prefix="scoreboard-before-") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        assert not (Path(folder) / path).exists()
        yield Path(folder), newest.down_revision


def smoke(root: Path, url: str) -> None:
    """Run the smoke test of that version."""
    smoked = subprocess.run(
        ["bash", root / "tests/smoke.sh", url], capture_output=True, text=True, check=False
    )
    assert smoked.returncode == 0, smoked.stdout + smoked.stderr


def test_the_old_version_works_on_the_new_tables_beside_the_new_version(
    before: tuple[Path, str], postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root, revision = before
    database_url = postgres.create(migrated=False)
    migrate(database_url, revision)
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(database_url, server.url)
        in_old_code = ["env", f"--chdir={root}"]
        old_logs, new_logs = tmp_path_factory.mktemp("old"), tmp_path_factory.mktemp("new")
        old = SystemHarness(stores, old_logs, wrapper=in_old_code)
        new = SystemHarness(stores, new_logs)
        with old:
            player = old.register("Old")
            with ScoringPlayers([player]) as load:
                await_true(lambda: load.acknowledged[player.user_id], 30)
                migrate(database_url)
                after = load.acknowledged[player.user_id]
                with new:
                    await_true(lambda: load.acknowledged[player.user_id] > after, 30)
                    smoke(root, old.url)
                    smoke(ROOT, new.url)
                    newcomer = new.register("New")
                    # Viewers of each version see points counted by the other.
                    with ViewerClient(old.websocket_url, newcomer.access_token) as watcher:
                        watcher.await_board(newcomer.score_point()["boardVersion"], 10)
                    with ViewerClient(new.websocket_url, newcomer.access_token) as watcher:
                        spent = newcomer.spend(newcomer.ask_token(), url=old.url)
                        watcher.await_board(spent.json()["boardVersion"], 10)
            score = player.call("GET", "/users/me").json()["score"]
    # No request was refused, and each point was counted once, also during the migration.
    assert (load.unexpected, load.refused) == ([], 0)
    assert score == load.acknowledged[player.user_id]
