"""`make reset` deletes what local runs made, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.local.reset import reset
from tools.local.run_directory import DirectoryInUse, RunDirectory


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory as a local run leaves it."""
    path = tmp_path / "local"
    for name in ("postgres", "valkey"):
        (path / name).mkdir(parents=True)
        (path / name / "data").touch()
    for name in ("jwt-private-key.pem", "action-token-secret"):
        (path / name).touch()
    return path


def test_a_confirmed_reset_deletes_the_whole_directory(directory: Path) -> None:
    questions: list[str] = []

    def agree(question: str) -> bool:
        questions.append(question)
        return True

    assert "deleted postgres, valkey" in reset(directory, agree)
    assert str(directory) in questions[0]
    assert not directory.exists()


def test_an_unconfirmed_reset_deletes_nothing(directory: Path) -> None:
    before = sorted(directory.rglob("*"))
    assert reset(directory, lambda _question: False) == "nothing was deleted"
    assert sorted(directory.rglob("*")) == before


def test_files_that_no_run_made_are_not_deleted(directory: Path) -> None:
    (directory / "notes.txt").touch()
    reset(directory, lambda _question: True)
    assert [path.name for path in directory.iterdir()] == ["notes.txt"]


def test_a_reset_during_a_run_is_refused(directory: Path) -> None:
    run = RunDirectory(directory)
    run.acquire(lambda _first: None)
    with pytest.raises(DirectoryInUse, match="already running"):
        reset(directory, lambda _question: True)
    run.release()
    assert (directory / "postgres" / "data").exists()


def test_an_empty_directory_needs_no_question(tmp_path: Path) -> None:
    def never(_question: str) -> bool:
        raise AssertionError("asked although there is nothing to delete")

    assert "nothing to delete" in reset(tmp_path / "missing", never)
    assert not (tmp_path / "missing").exists()
