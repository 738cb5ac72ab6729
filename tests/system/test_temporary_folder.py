"""API servers whose folder for temporary files is full or can't be written."""

from __future__ import annotations

import errno
import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.support.api_requests import Api
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness
from tests.support.waiting import await_true

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system"),
]

SMALL = 'mount -t tmpfs -o size=2m none "$TMPDIR"'
READ_ONLY = 'for each in /tmp /var/tmp /dev/shm "$PWD"; do mount --bind "$each" "$each" && '
READ_ONLY += 'mount -o remount,bind,ro "$each"; done; cd "$PWD"'
SERVING = '"serving"'
POINTS = re.compile(r"^scoreboard_increments_total ([0-9.]+)$", re.MULTILINE)


def mounted(command: str) -> list[str]:
    """Words that start a process in a mount namespace of its own, after this command."""
    return ["unshare", "--mount", "sh", "-c", f'{command}; exec "$@"', "sh"]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def start(
    stack: ExitStack, postgres: DatabaseServer, folder: Path, command: str, **variables: str
) -> SystemHarness:
    server = stack.enter_context(redis_server(folder / "valkey"))
    return stack.enter_context(
        SystemHarness(
            Stores(postgres.create(), server.url),
            folder,
            wrapper=mounted(command),
            variables={"WEB_WORKERS": "2"} | variables,
        )
    )


def workers(system: SystemHarness) -> list[psutil.Process]:
    return psutil.Process(system.web[0].pid).children()


def replace_workers(system: SystemHarness) -> None:
    """Kill every worker, and wait until others serve."""
    killed, served = workers(system), system.log("web").count(SERVING)
    for each in killed:
        each.kill()
    await_true(lambda: system.log("web").count(SERVING) >= served + len(killed), 60)


def fill(file: Path) -> None:
    """Write the file until its disk is full."""
    with file.open("wb", buffering=0) as output:
        try:
            while True:
                output.write(b"x" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC


def counted_points(system: SystemHarness) -> float:
    """The points in the metrics."""
    found = POINTS.search(Api(system.url).get("/metrics").text)
    return float(found[1]) if found else 0


def test_a_full_folder_stops_no_worker_and_no_master_and_loses_no_point(
    stack: ExitStack, postgres: DatabaseServer, tmp_path: Path
) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    system = start(stack, postgres, tmp_path, SMALL, TMPDIR=str(folder))
    player = system.register()
    for expected in range(1, 6):
        assert player.score_point()["newScore"] == expected
    # The mount is only in the namespace of the server.
    filler = Path(f"/proc/{system.web[0].pid}/root{folder}/filler")
    fill(filler)
    replace_workers(system)
    serving = workers(system)
    for expected in range(6, 11):
        assert player.score_point()["newScore"] == expected
    assert counted_points(system) == 5
    assert workers(system) == serving
    filler.unlink()
    replace_workers(system)
    assert player.score_point()["newScore"] == 11
    assert counted_points(system) == 6
    assert system.web[0].poll() is None


def test_processes_start_and_serve_without_a_folder_that_can_be_written(
    stack: ExitStack, postgres: DatabaseServer, tmp_path: Path
) -> None:
    system = start(stack, postgres, tmp_path, READ_ONLY, PYTHONDONTWRITEBYTECODE="1")
    player = system.register()
    assert player.score_point()["newScore"] == 1
    replace_workers(system)
    assert player.score_point()["newScore"] == 2
    assert Api(system.url).get("/metrics").status_code == 200
    assert "metrics_not_shared" in system.log("web")
    system.web[0].send_signal(signal.SIGTERM)
    assert system.web[0].wait(30) == 0
