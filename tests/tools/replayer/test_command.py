"""tools/replay.py: its exit status, its output, Ctrl-C, and which Python it runs with."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.waiting import await_true
from tests.tools.interrupts import default_ctrl_c, ignored_ctrl_c
from tests.tools.scoreboard_stub import ErrorReply, Lost, StubScoreboard
from tools.replayer.command import AS_EXPECTED, FAILED, INTERRUPTED, USAGE, main

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]


def event_file(directory: Path, *names: str) -> Path:
    path = directory / "events.csv"
    rows = "".join(f"{row}.000,{name},1\n" for row, name in enumerate(names))
    path.write_text(f"at_seconds,player,points\n{rows}", encoding="utf-8")
    return path


def final_file(directory: Path, *rows: str) -> Path:
    path = directory / "final.csv"
    path.write_text("\n".join(["rank,player,points", *rows]) + "\n", encoding="utf-8")
    return path


def test_exit_status_0_if_the_board_equals_the_published_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    played = event_file(tmp_path, "Ann", "Bob", "Ann", "Cy")
    final = final_file(tmp_path, "1,Ann,2", "2,Bob,1", "2,Cy,1", "4,Di,0")
    with StubScoreboard() as stub:
        status = main([str(played), "--url", f"{stub.url}/", "--final", str(final)])
    out, err = capsys.readouterr()
    assert status == AS_EXPECTED
    assert "events.csv: 4 points of 3 players" in out
    assert "No difference" in out
    assert err == ""


def test_exit_status_1_and_the_differences_if_the_board_is_different(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    played = event_file(tmp_path, "Ann", "Bob", "Ann", "Cy")
    final = final_file(tmp_path, "1,Ann,3", "2,Bob,1", "3,Eve,1")
    with StubScoreboard() as stub:
        status = main([str(played), "--url", stub.url, "--final", str(final)])
    out = capsys.readouterr().out
    assert status == FAILED
    assert "3 differences" in out
    assert "Ann: rank 1 with 2 on the board, expected rank 1 with 3" in out
    assert "Eve: not on the board, expected rank 3 with 1" in out
    assert "Cy: rank 2 with 1 on the board, not expected there" in out


def test_a_second_replay_on_the_same_board_compares_only_its_own_players(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    played = event_file(tmp_path, "Ann", "Bob", "Ann", "Cy")
    with StubScoreboard() as stub:
        arguments = [str(played), "--url", stub.url, "--rows", "3"]
        assert main(arguments) == AS_EXPECTED
        assert "left out" not in capsys.readouterr().out
        assert main(arguments) == AS_EXPECTED
    out = capsys.readouterr().out
    assert "Other players on the board, left out of the comparison: 2." in out
    assert "holds 2 players of this replay with 3 points" in out


def test_exit_status_1_and_a_message_if_no_server_replies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with StubScoreboard() as stub:
        pass
    assert main([str(event_file(tmp_path, "Ann")), "--url", stub.url]) == FAILED
    assert f"No reply from {stub.url}" in capsys.readouterr().err


def test_exit_status_2_for_a_file_that_can_not_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "none.csv")]) == USAGE
    assert "none.csv" in capsys.readouterr().err


def test_exit_status_2_if_a_board_has_no_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(event_file(tmp_path, "Ann")), "--board", "quiz"]) == USAGE
    assert "--board needs --key" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "example"),
    [
        ("--board", "Quiz", "needs the key of a board"),
        ("--run", "x1y2z", "needs the name that an earlier replay printed"),
        ("--speed", "-1", "such as 2.5, not '-1'"),
        ("--speed", "nan", "such as 2.5, not 'nan'"),
        ("--speed", "1e30", "such as 2.5, not '1e30'"),
        ("--concurrency", "0", "such as 16, not '0'"),
        ("--concurrency", "9" * 5000, "such as 16, not '999"),
        ("--rows", "x", "such as 100, not 'x'"),
        ("--url", "localhost", "such as http://127.0.0.1:8000, not 'localhost'"),
        ("--url", "http://[::1", "such as http://127.0.0.1:8000, not 'http://[::1'"),
        ("--url", "http://host:99999", "such as http://127.0.0.1:8000"),
    ],
)
def test_exit_status_2_and_an_example_for_a_wrong_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, example: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(event_file(tmp_path, "Ann")), f"{option}={value}"])
    assert ended.value.code == USAGE
    assert example in capsys.readouterr().err


def test_a_refused_registration_ends_it_before_any_point_with_the_name_and_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    played = event_file(tmp_path, "Ann", "Bob")
    with StubScoreboard() as stub:
        refusal = ErrorReply(400, "VALIDATION_ERROR", details={"displayName": ["Reserved."]})
        stub.faults["/api/auth/register"].extend([Lost.REPLY, refusal])
        status = main([str(played), "--url", stub.url, "--concurrency", "1"])
    assert status == FAILED
    assert stub.scored == []
    error = capsys.readouterr().err
    assert "Bob: the server refused the registration: 400 VALIDATION_ERROR" in error
    assert '{"displayName": ["Reserved."]}' in error
    assert "0 of 2 points were played." in error


@pytest.mark.parametrize("before_start", [default_ctrl_c, ignored_ctrl_c])
def test_ctrl_c_ends_it_with_status_130_also_if_its_parent_ignores_ctrl_c(
    tmp_path: Path, before_start: Callable[[], None]
) -> None:
    path = event_file(tmp_path, "Ann", *["Bob"] * 60)
    with StubScoreboard() as stub:
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.replay", path, "--url", stub.url, "--speed", "1"],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=before_start,  # noqa: PLW1509 - one system call
        )
        await_true(lambda: "Ann" in stub.scored, 20)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == INTERRUPTED
    assert re.search(r"^Interrupted\. \d+ of 61 points were played\.$", errors, re.MULTILINE)


def clone_without_virtualenv(directory: Path) -> Path:
    tools = directory / "tools"
    tools.mkdir()
    for name in ("__init__.py", "replay.py", "startup.py"):
        shutil.copy(ROOT / "tools" / name, tools / name)
    return tools / "replay.py"


def test_without_the_packages_it_needs_it_says_to_run_make_run(tmp_path: Path) -> None:
    script = clone_without_virtualenv(tmp_path)
    ended = subprocess.run(
        [sys.executable, "-S", script, "events.csv"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == USAGE
    assert ended.stderr == "replay.py needs what `make run` installs: run `make run` first\n"


def test_started_with_any_python_it_runs_in_the_repositorys_virtualenv(tmp_path: Path) -> None:
    script = clone_without_virtualenv(tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    relative = os.path.relpath(script, Path.cwd())
    ended = subprocess.run(
        [sys.executable, relative, "my events.csv", "--rows", "3"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines() == [str(script), "my events.csv", "--rows", "3"]


@pytest.mark.parametrize("start", [["tools/replay.py"], ["-m", "tools.replay"]])
def test_it_can_be_started_as_a_script_and_as_a_module(start: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, *start, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--final" in ended.stdout
