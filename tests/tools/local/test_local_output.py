"""What `make run` writes to the terminal and to its logs, and the commands beside it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
import requests

from tests.support.servers import ROOT
from tests.tools.local.local_run import Start, eventually, stand_in_procfile

pytestmark = pytest.mark.slow
TALKATIVE = "sh -c 'echo to stdout; echo to stderr >&2; exit 3'"


def make(target: str, directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`make TARGET` beside a run in that directory."""
    return subprocess.run(
        ["make", "--no-print-directory", target, *words],
        cwd=ROOT,
        env=os.environ | {"LOCAL_DIR": str(directory)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_run_of_the_real_system_keeps_the_terminal_quiet_and_prints_links_that_answer(
    start: Start,
) -> None:
    run = start(command=["make", "run"])
    run.await_running()
    eventually(lambda: "make logs" in run.output)
    links = re.findall(r"https?://\S+", run.output)
    assert len(links) >= 3
    for link in links:
        assert requests.get(link, timeout=10).status_code == 200
    assert "{" not in run.output
    for process in ("web", "broadcaster"):
        log = run.directory / "log" / f"{process}.log"
        assert '"event"' in log.read_text()
        assert log.stat().st_mode & 0o777 == 0o600
    assert "port_not_used" not in (run.directory / "log" / "broadcaster.log").read_text()

    users = make("flask", run.directory, "ARGS=users list")
    assert (users.returncode, users.stderr) == (0, "")
    run.end()
    run.assert_nothing_left()


def test_a_service_that_fails_is_explained_by_the_end_of_its_log(
    start: Start, directory: Path
) -> None:
    run = start(procfile=stand_in_procfile(directory, web=TALKATIVE))
    assert run.wait() == 1
    *_, first, second, _stopping, last = run.output.splitlines()
    assert {first, second} == {"to stdout", "to stderr"}
    assert "web ended with status 3" in last
    assert "log/web.log" in last


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("postgresql://u:hidden@127.0.0.1:1/d", "check DATABASE_URL"),
        ("postgresql://u:hidden@h:many/d", "DATABASE_URL must be like postgresql://"),
    ],
)
def test_a_wrong_database_url_is_explained_without_a_traceback(
    start: Start, url: str, advice: str
) -> None:
    run = start(DATABASE_URL=url, REDIS_URL="redis://127.0.0.1:1/0", command=["make", "run"])
    assert run.wait() != 0
    assert advice in run.output
    assert "Traceback" not in run.output
    assert "hidden" not in run.output


def test_a_command_without_a_run_says_so_in_one_sentence(start: Start, directory: Path) -> None:
    def assert_refused() -> None:
        refused = make("flask", directory / "local", "ARGS=users list")
        assert refused.returncode != 0
        said = [line for line in refused.stderr.splitlines() if "***" not in line]
        assert len(said) == 1
        assert "start the system with `make run`" in said[0]

    assert_refused()
    killed = start()
    killed.await_running()
    killed.end(signal.SIGKILL)
    killed.assert_no_process_left()
    assert (directory / "local" / "environment").exists()
    assert_refused()


def test_the_logs_of_a_run_can_be_followed(start: Start, directory: Path) -> None:
    assert "there is no log yet" in make("logs", directory / "local").stderr
    run = start(procfile=stand_in_procfile(directory, release="echo migrated"))
    run.await_running()
    follower = subprocess.Popen(
        ["make", "--no-print-directory", "logs"],
        cwd=ROOT,
        env=os.environ | {"LOCAL_DIR": str(run.directory)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout is not None
    try:
        assert any("migrated" in line for line in iter(follower.stdout.readline, ""))
        with (run.directory / "log" / "web.log").open("a") as log:
            log.write("written later\n")
        assert any("written later" in line for line in iter(follower.stdout.readline, ""))
    finally:
        follower.terminate()
        follower.wait(10)
        follower.stdout.close()
