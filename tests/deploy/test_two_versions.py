"""An old and a new version side by side: while `release` migrates, and afterwards."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory

from tests.awaiting import await_true
from tests.servers import ROOT, DatabaseServer, Stores, migrate, redis_server
from tests.system.player import Player
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
        tarfile.open(fileobj=io.BytesIO(packed)).extractall(folder, filter="data")
        assert not (Path(folder) / path).exists()
        yield Path(folder), newest.down_revision


class Scoring:
    """A player that scores all the while, in a thread; whatever goes wrong is kept."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.points: list[dict[str, Any]] = []
        self.failure: BaseException | None = None

    def __enter__(self) -> Scoring:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        if self.failure:
            raise self.failure

    def _run(self) -> None:
        try:
            while not self._end.is_set():
                self.points.append(self._player.score_point())
        except (AssertionError, OSError) as failure:
            self.failure = failure


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
        old = RunningSystem(
            stores, tmp_path_factory.mktemp("old"), wrapper=["env", f"--chdir={root}"]
        )
        new = RunningSystem(stores, tmp_path_factory.mktemp("new"))
        with old, Scoring(old.register("Old")) as scoring:
            await_true(lambda: scoring.points, 30)
            migrate(database_url)
            after = len(scoring.points)
            with new:
                await_true(lambda: len(scoring.points) > after, 30)
                smoke(root, old.url)
                smoke(ROOT, new.url)
                newcomer = new.register("New")
                # Each sees on its own screen what was done with the other.
                with Watcher(old.websocket_url, newcomer.access_token) as watcher:
                    watcher.await_board(newcomer.score_point()["boardVersion"], 10)
                with Watcher(new.websocket_url, newcomer.access_token) as watcher:
                    token = newcomer.ask_token()
                    version = newcomer.spend(token, url=old.url).json()["boardVersion"]
                    watcher.await_board(version, 10)
        # Counted one after the other, none lost and none twice, whatever ran meanwhile.
        counted = [point["newScore"] for point in scoring.points]
        assert counted == list(range(1, len(counted) + 1))
