"""tools/replay.py as it is started: its exit status, what it prints, and which Python it needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.scoreboard_stub import StubScoreboard
from tools.replaying.command import AS_EXPECTED, DIFFERENT, USAGE, main

ROOT = Path(__file__).resolve().parents[2]


def event_file(directory: Path, *names: str) -> Path:
    path = directory / "events.csv"
    rows = "".join(f"{row}.000,{name},1\n" for row, name in enumerate(names))
    path.write_text(f"at_seconds,player,points\n{rows}", encoding="utf-8")
    return path


def final_file(directory: Path, *rows: str) -> Path:
    path = directory / "final.csv"
    path.write_text("\n".join(["rank,player,points", *rows]) + "\n", encoding="utf-8")
    return path


def test_exit_status_0_when_the_board_is_the_published_table(
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


def test_exit_status_1_and_the_differences_when_it_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    played = event_file(tmp_path, "Ann", "Bob", "Ann", "Cy")
    final = final_file(tmp_path, "1,Ann,3", "2,Bob,1", "3,Eve,1")
    with StubScoreboard() as stub:
        status = main([str(played), "--url", stub.url, "--final", str(final)])
    out = capsys.readouterr().out
    assert status == DIFFERENT
    assert "3 differences" in out
    assert "Ann: rank 1 with 2 on the board, expected rank 1 with 3" in out
    assert "Eve: not on the board, expected rank 3 with 1" in out
    assert "Cy: rank 2 with 1 on the board, not expected there" in out


def test_a_second_replay_onto_the_same_board_ranks_its_own_players_alone(
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


def test_exit_status_1_and_one_line_when_nothing_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with StubScoreboard() as stub:
        pass
    assert main([str(event_file(tmp_path, "Ann")), "--url", stub.url]) == DIFFERENT
    assert f"Nothing answers at {stub.url}" in capsys.readouterr().err


def test_exit_status_2_for_a_file_that_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "none.csv")]) == USAGE
    assert "none.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong", [["--speed", "-1"], ["--concurrency", "0"], ["--rows", "x"], ["--url", "localhost"]]
)
def test_exit_status_2_for_wrong_options(tmp_path: Path, wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(event_file(tmp_path, "Ann")), *wrong])
    assert ended.value.code == USAGE


def fresh_clone(directory: Path) -> Path:
    tools = directory / "tools"
    tools.mkdir()
    for name in ("__init__.py", "replay.py", "reexec.py"):
        shutil.copy(ROOT / "tools" / name, tools / name)
    return tools / "replay.py"


def test_before_make_run_it_says_what_to_do_in_one_line(tmp_path: Path) -> None:
    script = fresh_clone(tmp_path)
    ended = subprocess.run(
        [sys.executable, "-S", script, "events.csv"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == USAGE
    assert ended.stderr == "replay.py needs what `make run` installs: run `make run` first\n"


def test_any_python_goes_on_in_the_repositorys_virtualenv(tmp_path: Path) -> None:
    script = fresh_clone(tmp_path)
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
def test_it_starts_as_a_script_and_as_a_module(start: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, *start, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--final" in ended.stdout
