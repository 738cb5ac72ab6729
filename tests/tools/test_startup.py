"""The output of the tools where it can't be written, or not in UTF-8."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.support.servers import ROOT
from tests.tools.scoreboard_stub import StubScoreboard
from tools.startup import READER_GONE, SYSTEM_ERROR
from tools.watcher.json_lines import JsonLines

pytestmark = pytest.mark.slow

NAME = "Zoë ✓ 名前"
PRINTS_A_NAME = f"""
from tools.startup import run
def main():
    print({NAME!a}, flush=True)
    return 3
run(main)
"""
POSIX = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
NOT_UTF_8 = [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, POSIX]


@pytest.mark.parametrize("variables", NOT_UTF_8)
def test_characters_that_the_encoding_lacks_are_escaped(variables: dict[str, str]) -> None:
    encoding = variables.get("PYTHONIOENCODING", "ascii")
    with start("-c", PRINTS_A_NAME, variables=variables) as process:
        output, errors = process.communicate(timeout=20)
    assert (
        output.decode(encoding) == NAME.encode(encoding, "backslashreplace").decode(encoding) + "\n"
    )
    assert (process.returncode, errors) == (3, b"")


def test_characters_that_the_encoding_has_are_written_as_they_are() -> None:
    with start("-c", PRINTS_A_NAME, variables={"PYTHONIOENCODING": "utf-8"}) as process:
        assert process.communicate(timeout=20)[0].decode() == f"{NAME}\n"


@pytest.mark.parametrize("buffering", [{}, {"PYTHONUNBUFFERED": "1"}])
def test_a_closed_pipe_ends_a_tool_without_a_message(buffering: dict[str, str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with start("-c", PRINTS_A_NAME, stdout=writer, variables=buffering) as process:
        os.close(writer)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (READER_GONE, b"")


@pytest.mark.parametrize("buffering", [{}, {"PYTHONUNBUFFERED": "1"}])
def test_a_full_disk_is_one_line(buffering: dict[str, str]) -> None:
    with (
        Path("/dev/full").open("wb") as full,
        start("-c", PRINTS_A_NAME, stdout=full.fileno(), variables=buffering) as process,
    ):
        _, errors = process.communicate(timeout=20)
    assert process.returncode == SYSTEM_ERROR
    assert errors == b"-c: [Errno 28] No space left on device\n"


def test_a_tool_that_was_started_without_stdout_keeps_its_status() -> None:
    command = [*shell_without_stdout(), sys.executable, "-c", PRINTS_A_NAME]
    ended = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, check=False)
    assert (ended.returncode, ended.stderr) == (3, b"")


@pytest.mark.parametrize("variables", NOT_UTF_8)
def test_the_report_of_a_replay_is_written_in_any_encoding(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    path = tmp_path / "events.csv"
    path.write_text(f"at_seconds,player,points\n1,{NAME},1\n\n", encoding="utf-8")
    with StubScoreboard() as stub:
        words = ("-m", "tools.replay", str(path), "--url", stub.url)
        process = start(*words, variables=variables)
        output, errors = process.communicate(timeout=40)
    assert (process.returncode, errors) == (0, b"")
    assert b"Zo" in output
    assert b"No difference" in output


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_each_frame_is_valid_json_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "frames"
    with path.open("w", encoding=encoding, errors="backslashreplace") as output:
        reader, writer = os.pipe()
        os.dup2(writer, output.fileno())
        JsonLines(output).show_frame({"event": "x", "data": NAME})
        written = os.read(reader, 65536)
        os.close(reader)
        os.close(writer)
    assert json.loads(written.decode(encoding)) == {"event": "x", "data": NAME}


def start(
    *words: str, stdout: int = subprocess.PIPE, variables: Mapping[str, str] = MappingProxyType({})
) -> subprocess.Popen[bytes]:
    """A Python process in the repository, with these variables added to the environment."""
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


def shell_without_stdout() -> list[str]:
    return ["sh", "-c", 'exec "$@" >&-', "sh"]
